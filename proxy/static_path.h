/* SPDX-License-Identifier: Apache-2.0
 *
 * The path of a request as the name of a file: decoded once, checked, never normalised. Pure.
 */
#ifndef BERTH_PROXY_STATIC_PATH_H
#define BERTH_PROXY_STATIC_PATH_H

#include "lib/base/str.h"

#define STATIC_PATH_MAX 4096 /* a decoded path, with its NUL */

enum static_path_kind {
	STATIC_PATH_FILE, /* "a/b" */
	STATIC_PATH_FOLDER, /* "a/b/": the request ended in a slash; "" is the root itself */
	STATIC_PATH_ABSENT, /* nothing can be there: 404 */
	STATIC_PATH_BAD, /* not a path that an honest client sends: 400 */
};

/* Decodes `encoded`, which starts with '/', into a relative path without the slashes at both ends.
 *
 * Bad: a '%' without two hexadecimal digits, an encoded NUL or slash, a "." or ".." segment. Absent:
 * an empty segment ("//"), a name that starts with a dot (but /.well-known/), a name or path longer
 * than the file system takes, and the files at the top that only Berth reads. */
enum static_path_kind static_path_decode(struct str encoded, char to[STATIC_PATH_MAX]);

/* The same path as a Location may carry it: starts with exactly one slash, ends in one, and bytes
 * that are not allowed in a path are encoded; with the query, when there is one. Owned. */
char *static_path_with_slash(struct str encoded, struct str query);

/* Does the name carry a hash of its content ("app.3f2a9c1b.js", "index-BfQ9x2Lk.js")? A part of the
 * name between '.' and '-' that is hexadecimal, 8 digits or more, or 8 characters of mixed kinds. */
bool static_path_is_hashed(struct str path);

#endif
