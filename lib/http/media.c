/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of media types, sorted by extension for a binary search.
 */
#include "lib/http/media.h"

#define EXTENSION_MAX 12

static const struct media table[] = {
	{"7z", "application/x-7z-compressed", false},
	{"aac", "audio/aac", false},
	{"apng", "image/apng", false},
	{"atom", "application/atom+xml; charset=utf-8", true},
	{"avif", "image/avif", false},
	{"bin", MEDIA_DEFAULT, false},
	{"bmp", "image/bmp", true},
	{"br", MEDIA_DEFAULT, false},
	{"bz2", "application/x-bzip2", false},
	{"cjs", "text/javascript; charset=utf-8", true},
	{"css", "text/css; charset=utf-8", true},
	{"csv", "text/csv; charset=utf-8", true},
	{"deb", "application/vnd.debian.binary-package", false},
	{"doc", "application/msword", false},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", false},
	{"eot", "application/vnd.ms-fontobject", true},
	{"epub", "application/epub+zip", false},
	{"flac", "audio/flac", false},
	{"geojson", "application/geo+json", true},
	{"gif", "image/gif", false},
	{"glb", "model/gltf-binary", true},
	{"gltf", "model/gltf+json", true},
	{"gz", "application/gzip", false},
	{"heic", "image/heic", false},
	{"htm", MEDIA_HTML, true},
	{"html", MEDIA_HTML, true},
	{"ico", "image/x-icon", true},
	{"ics", "text/calendar; charset=utf-8", true},
	{"jpeg", "image/jpeg", false},
	{"jpg", "image/jpeg", false},
	{"js", "text/javascript; charset=utf-8", true},
	{"json", "application/json", true},
	{"jsonld", "application/ld+json", true},
	{"jxl", "image/jxl", false},
	{"m3u8", "application/vnd.apple.mpegurl", true},
	{"m4a", "audio/mp4", false},
	{"m4v", "video/mp4", false},
	{"map", "application/json", true},
	{"markdown", "text/markdown; charset=utf-8", true},
	{"md", "text/markdown; charset=utf-8", true},
	{"mjs", "text/javascript; charset=utf-8", true},
	{"mov", "video/quicktime", false},
	{"mp3", "audio/mpeg", false},
	{"mp4", "video/mp4", false},
	{"mpd", "application/dash+xml", true},
	{"oga", "audio/ogg", false},
	{"ogg", "audio/ogg", false},
	{"ogv", "video/ogg", false},
	{"opus", "audio/ogg", false},
	{"otf", "font/otf", true},
	{"pdf", "application/pdf", false},
	{"png", "image/png", false},
	{"ppt", "application/vnd.ms-powerpoint", false},
	{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation",
		false},
	{"rss", "application/rss+xml; charset=utf-8", true},
	{"svg", "image/svg+xml", true},
	{"tar", "application/x-tar", true},
	{"tgz", "application/gzip", false},
	{"tif", "image/tiff", false},
	{"tiff", "image/tiff", false},
	{"ts", "video/mp2t", false},
	{"ttf", "font/ttf", true},
	{"txt", "text/plain; charset=utf-8", true},
	{"vtt", "text/vtt; charset=utf-8", true},
	{"wasm", "application/wasm", true},
	{"wav", "audio/wav", false},
	{"weba", "audio/webm", false},
	{"webm", "video/webm", false},
	{"webmanifest", "application/manifest+json", true},
	{"webp", "image/webp", false},
	{"woff", "font/woff", false},
	{"woff2", "font/woff2", false},
	{"xhtml", "application/xhtml+xml; charset=utf-8", true},
	{"xls", "application/vnd.ms-excel", false},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", false},
	{"xml", "application/xml; charset=utf-8", true},
	{"xsl", "application/xml; charset=utf-8", true},
	{"xz", "application/x-xz", false},
	{"yaml", "application/yaml", true},
	{"yml", "application/yaml", true},
	{"zip", "application/zip", false},
	{"zst", "application/zstd", false},
};

static int compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct media *)entry)->extension);
}

const struct media *media_of(struct str path)
{
	char extension[EXTENSION_MAX + 1];
	size_t n = 0;

	while (n < path.len && path.p[path.len - n - 1] != '.') {
		if (n == EXTENSION_MAX || path.p[path.len - n - 1] == '/')
			return NULL;
		n++;
	}
	if (n == path.len)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		char c = path.p[path.len - n + i];
		extension[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	extension[n] = '\0';
	return bsearch(extension, table, ARRAY_SIZE(table), sizeof table[0], compare);
}
