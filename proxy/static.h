/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a release as HTTP responses: which file a path names, and what RFC 9110 says about it
 * (validators, ranges, encodings). Knows no socket and no wire format: it answers with a status,
 * fields and an open descriptor; the exchange streams it. Touches nothing but the folder it is given.
 */
#ifndef BERTH_PROXY_STATIC_H
#define BERTH_PROXY_STATIC_H

#include "lib/base/str.h"
#include "lib/http/date.h"

/* A request for a static route. Everything is borrowed for the call; absent fields are {0}. A field
 * that was sent more than once: If-None-Match and Accept-Encoding joined by commas or only the first
 * line, any other one left absent. */
struct static_request {
	int root; /* the folder, O_PATH | O_DIRECTORY */
	struct str prefix; /* taken off the path before the look-up; empty or "/": nothing is */
	const char *fallback; /* file under root for pages that do not exist (SPA), or NULL */
	struct str method;
	struct str path; /* starts with '/', percent-encoded as received */
	struct str query; /* without '?'; kept by the redirect to a folder's slash */
	struct str if_match, if_none_match, if_modified_since, if_unmodified_since;
	struct str range, if_range, accept_encoding;
};

#define STATIC_ETAG_SIZE 24
#define STATIC_CONTENT_RANGE_SIZE 72

/* What to answer. Pointers are to constants unless marked as owned; NULL or "" means: no such field. */
struct static_response {
	unsigned status; /* 200 206 304 308 400 404 405 412 416 500 */
	const char *content_type;
	const char *content_encoding; /* "br", "gzip" */
	const char *cache_control;
	const char *vary; /* "Accept-Encoding" */
	const char *allow; /* with 405 */
	const char *accept_ranges; /* "bytes" */
	char etag[STATIC_ETAG_SIZE]; /* with its quotes */
	char last_modified[HTTP_DATE_SIZE];
	char content_range[STATIC_CONTENT_RANGE_SIZE]; /* with 206 and 416 */
	char *location; /* with 308; owned */
	/* The body. has_file is false when there is no file behind the response (400, 404 without a
	 * 404.html, 405, 412, 416, 500, 308): the caller sends its own neutral page or nothing. With a
	 * file, `length` is the Content-Length (none is sent with 304), and fd, owned, is where to
	 * read it from `offset`; fd is -1 when no body goes out (HEAD, 304). */
	bool has_file;
	int fd;
	uint64_t offset, length;
};

/* Answers the request; never fails, errors are statuses. Opens files, so it may wait for the disk.
 *
 * Look-up, after decoding the path once: {path}, {path}.html, {path}/index.html (a folder without
 * its slash is redirected with 308); then the fallback, unless the name has an extension of a media
 * type we know (a missing script must not be answered by a page); then /404.html with 404. Names
 * that start with a dot are not there, but for /.well-known/. Nor are berth.yaml and Procfile at the
 * top. Links are followed inside root only; only regular files are served.
 *
 * ETag: strong, a hash of inode, size, mtime and ctime, so equal for an untouched file, different
 * after any write and between releases, and different for each encoding. Last-Modified is compared for
 * equality: after a rollback the older file is the newer answer.
 *
 * Cache-Control: names with a content hash (app.3f2a9c1b.js, index-BfQ9x2Lk.js) a year, immutable;
 * pages no-cache (they are revalidated, by ETag); anything else 60 seconds. */
void static_respond(const struct static_request *request, struct static_response *ret);

/* Closes and frees what the response owns; accepts an initialised or zeroed-and-fd -1 response. */
void static_response_release(struct static_response *response);

#endif
