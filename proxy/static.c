/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as responses: find the file, choose its encoding, then the conditions, then the range.
 */
#include "proxy/static.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/http/media.h"
#include "lib/sys/file.h"
#include "proxy/static_condition.h"
#include "proxy/static_path.h"
#include "proxy/static_range.h"

#define NOT_FOUND_PAGE "404.html"
/* "a/b" with ".html", "/index.html" or ".br" behind it */
#define NAME_BYTES (STATIC_PATH_MAX + 32)

/* An open file and what fstat(2) said of it. */
struct found {
	int fd;
	struct stat st;
};

/* 0 and an open regular file, or -errno. A FIFO or device must not hold us: O_NONBLOCK. */
static int open_regular(int root, const char *path, struct found *ret)
{
	_cleanup_close_ int fd =
		file_open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOATIME);
	/* O_NOATIME is the owner's to ask for; the release may belong to another user. */
	if (fd == -EPERM)
		fd = file_open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &ret->st) < 0)
		return -errno;
	if (!S_ISREG(ret->st.st_mode))
		return S_ISDIR(ret->st.st_mode) ? -EISDIR : -ENOENT;
	ret->fd = take_fd(&fd);
	return 0;
}

static int open_suffixed(
	int root, const char *path, const char *suffix, char *ret_name, struct found *ret)
{
	(void)snprintf(ret_name, NAME_BYTES, "%s%s", path, suffix);
	return open_regular(root, ret_name, ret);
}

/* What the look-up of a path came to. */
enum lookup { LOOKUP_FILE, LOOKUP_ADD_SLASH, LOOKUP_NONE, LOOKUP_FAILED };

static enum lookup lookup_result(int r)
{
	switch (r) {
	case 0:
		return LOOKUP_FILE;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -EIO:
		return LOOKUP_FAILED;
	default:
		/* Absent, out of the tree (EXDEV), a loop, forbidden: there is nothing to see. */
		return LOOKUP_NONE;
	}
}

static enum lookup find_file(
	int root, const char *path, enum static_path_kind kind, char *ret_name, struct found *ret)
{
	if (kind == STATIC_PATH_FOLDER)
		return lookup_result(open_suffixed(
			root, path, path[0] ? "/index.html" : "index.html", ret_name, ret));
	int r = open_suffixed(root, path, "", ret_name, ret);
	if (r == 0 || (r != -EISDIR && r != -ENOENT))
		return lookup_result(r);
	bool folder = r == -EISDIR;
	r = open_suffixed(root, path, ".html", ret_name, ret);
	if (r == 0 || !folder)
		return lookup_result(r);
	r = open_suffixed(root, path, "/index.html", ret_name, ret);
	if (r == 0) {
		(void)close(take_fd(&ret->fd));
		return LOOKUP_ADD_SLASH;
	}
	return lookup_result(r);
}

/* The numbers that change when the file does, hashed since an inode number is nobody's
 * business; the change time is in it because builds may set the modification time to a constant. */
static void make_etag(const struct stat *st, char to[STATIC_ETAG_SIZE])
{
	const uint64_t parts[] = {
		(uint64_t)st->st_ino,
		(uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
	};
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		h = (h ^ parts[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	(void)snprintf(to, STATIC_ETAG_SIZE, "\"%016" PRIx64 "\"", h);
}

static bool is_page(const struct media *media)
{
	return media && has_prefix(media->type, "text/html");
}

static const char *cache_control_of(const char *name, const struct media *media)
{
	if (is_page(media))
		return "no-cache";
	if (static_path_is_hashed(str_from(name)))
		return "public, max-age=31536000, immutable";
	return "public, max-age=60";
}

/* Replaces the file by its compressed sibling when the client prefers one that exists. */
static const char *choose_encoding(
	int root, const char *name, struct str accepted, struct found *file)
{
	static const struct {
		const char *coding, *suffix;
	} siblings[] = {{"br", ".br"}, {"gzip", ".gz"}};
	const char *chosen = NULL;
	unsigned best = 0;
	char sibling_name[NAME_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(siblings); i++) {
		struct found sibling = {.fd = -1};
		unsigned weight = static_encoding_weight(accepted, siblings[i].coding);
		if (weight <= best ||
			open_suffixed(root, name, siblings[i].suffix, sibling_name, &sibling) < 0)
			continue;
		(void)close(file->fd);
		*file = sibling;
		best = weight;
		chosen = siblings[i].coding;
	}
	return chosen;
}

/* Fills what every response with this file carries; takes the descriptor. */
static void set_file(const struct static_request *request, const char *name, struct found *file,
	struct static_response *ret)
{
	const struct media *media = media_of(str_from(name));

	ret->content_type = media ? media->type : MEDIA_DEFAULT;
	if (media && media->compressible) {
		ret->content_encoding =
			choose_encoding(request->root, name, request->accept_encoding, file);
		/* Also without a sibling: one may be added, or the response compressed on the way. */
		ret->vary = "Accept-Encoding";
	}
	ret->cache_control = cache_control_of(name, media);
	ret->has_file = true;
	ret->fd = take_fd(&file->fd);
	ret->length = (uint64_t)file->st.st_size;
}

static void drop_body(struct static_response *ret)
{
	if (ret->fd >= 0)
		(void)close(take_fd(&ret->fd));
}

/* 200, 206, 304, 412 or 416 for a file that was found. */
static void respond_with_file(const struct static_request *request, const char *name,
	struct found *file, struct static_response *ret)
{
	set_file(request, name, file, ret);
	uint64_t size = ret->length;
	int64_t modified = (int64_t)file->st.st_mtim.tv_sec;
	ret->status = 200;
	ret->accept_ranges = "bytes";
	make_etag(&file->st, ret->etag);
	http_date_format(modified, ret->last_modified);

	switch (static_check_conditions(request, ret->etag, modified)) {
	case STATIC_NOT_MODIFIED:
		ret->status = 304;
		drop_body(ret);
		return;
	case STATIC_FAILED:
		ret->status = 412;
		ret->has_file = false;
		drop_body(ret);
		return;
	case STATIC_PROCEED:
		break;
	}
	/* Range is defined for GET alone (§14.2). */
	if (!request->range.p || !str_eq(request->method, STR("GET")) ||
		!static_if_range_holds(request, ret->etag, modified))
		return;
	switch (static_range_parse(request->range, size, &ret->offset, &ret->length)) {
	case STATIC_RANGE_WHOLE:
		return;
	case STATIC_RANGE_PART:
		ret->status = 206;
		(void)snprintf(ret->content_range, sizeof ret->content_range,
			"bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, ret->offset,
			ret->offset + ret->length - 1, size);
		return;
	case STATIC_RANGE_UNSATISFIABLE:
		ret->status = 416;
		ret->has_file = false;
		(void)snprintf(
			ret->content_range, sizeof ret->content_range, "bytes */%" PRIu64, size);
		drop_body(ret);
	}
}

/* A page of an application that routes in the browser, or the site's own 404. A missing script or
 * picture is never answered by a page: what asked for it would take it for one. */
static void respond_absent(
	const struct static_request *request, bool may_fall_back, struct static_response *ret)
{
	struct found file = {.fd = -1};

	if (may_fall_back && request->fallback &&
		open_regular(request->root, request->fallback, &file) == 0) {
		respond_with_file(request, request->fallback, &file, ret);
		return;
	}
	ret->status = 404;
	ret->cache_control = "no-cache";
	if (open_regular(request->root, NOT_FOUND_PAGE, &file) == 0)
		set_file(request, NOT_FOUND_PAGE, &file, ret);
}

/* The path without the prefix of its route; false when it is not below it. */
static bool strip_prefix(const struct static_request *request, struct str *ret)
{
	struct str prefix = request->prefix, path = request->path;

	while (prefix.len > 0 && prefix.p[prefix.len - 1] == '/')
		prefix.len--;
	if (!str_starts(path, prefix))
		return false;
	*ret = (struct str){path.p + prefix.len, path.len - prefix.len};
	return ret->len == 0 || ret->p[0] == '/';
}

static void respond_to_path(const struct static_request *request, struct static_response *ret)
{
	char path[STATIC_PATH_MAX], name[NAME_BYTES];
	struct found file = {.fd = -1};
	const struct media *media;
	struct str encoded;

	if (!strip_prefix(request, &encoded)) {
		ret->status = 404;
		return;
	}
	/* "/docs" of a route "/docs": the root folder, asked for without its slash. */
	bool bare = encoded.len == 0;
	enum static_path_kind kind = static_path_decode(bare ? STR("/") : encoded, path);
	if (kind == STATIC_PATH_BAD) {
		ret->status = 400;
		return;
	}
	enum lookup result = kind == STATIC_PATH_ABSENT
				     ? LOOKUP_NONE
				     : find_file(request->root, path, kind, name, &file);
	if (result == LOOKUP_FILE && bare) {
		(void)close(take_fd(&file.fd));
		result = LOOKUP_ADD_SLASH;
	}
	switch (result) {
	case LOOKUP_FILE:
		respond_with_file(request, name, &file, ret);
		return;
	case LOOKUP_ADD_SLASH:
		ret->status = 308;
		ret->location = static_path_with_slash(request->path, request->query);
		return;
	case LOOKUP_NONE:
		media = media_of(str_from(path));
		respond_absent(
			request, kind != STATIC_PATH_ABSENT && (!media || is_page(media)), ret);
		return;
	case LOOKUP_FAILED:
		ret->status = 500;
	}
}

void static_respond(const struct static_request *request, struct static_response *ret)
{
	bool head = str_eq(request->method, STR("HEAD"));

	*ret = (struct static_response){.fd = -1};
	if (!head && !str_eq(request->method, STR("GET"))) {
		ret->status = 405;
		ret->allow = "GET, HEAD";
		return;
	}
	respond_to_path(request, ret);
	if (head)
		drop_body(ret);
}

void static_response_release(struct static_response *response)
{
	if (response->fd >= 0)
		(void)close(take_fd(&response->fd));
	free(take_ptr(response->location));
}
