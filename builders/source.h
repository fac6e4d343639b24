/* SPDX-License-Identifier: Apache-2.0
 *
 * struct source: the files of an app, for detection to look at. Read only, bounded, and always
 * beneath the app's folder, whatever its links say. Nothing here runs anything.
 */
#ifndef BERTH_BUILDERS_SOURCE_H
#define BERTH_BUILDERS_SOURCE_H

#include <stdbool.h>

#include "lib/base/err.h"

#define SOURCE_FILE_MAX (1u << 20)
#define SOURCE_LIST_MAX 512 /* names of one folder that are looked at */

struct source {
	int dirfd;
};

struct source_names {
	char **names; /* sorted */
	size_t count;
	bool cut; /* there were more than SOURCE_LIST_MAX */
};

int source_open(const char *dir, struct source *ret, struct err *err);
void source_close(struct source *s);

bool source_has_file(const struct source *s, const char *path);
bool source_has_dir(const struct source *s, const char *path);

/* The text of a regular file, NUL-terminated, owned by the caller; NULL when there is none, or it
 * is larger than SOURCE_FILE_MAX or not a regular file. */
char *source_text(const struct source *s, const char *path, size_t *ret_len);

/* The same for files that must be whole to be right: absent is 0 with *ret NULL, too large or
 * unreadable is an error. */
int source_read(const struct source *s, const char *path, size_t max, char **ret, size_t *ret_len,
	struct err *err);

/* The first `n` bytes of a file; how many there were, or -errno. */
ssize_t source_peek(const struct source *s, const char *path, void *to, size_t n);

/* Permission bits of a regular file, -errno when it is none. */
int source_mode(const struct source *s, const char *path);

/* Names in a folder ("." is the root), without "." and ".."; empty when there is no such folder. */
void source_list(const struct source *s, const char *dir, struct source_names *ret);
void source_names_free(struct source_names *names);

#define _cleanup_names_ _cleanup_(source_names_free)

#endif
