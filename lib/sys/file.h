/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that survive a crash, and trees that nobody can lead us out of.
 */
#ifndef BERTH_SYS_FILE_H
#define BERTH_SYS_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Reads a whole regular file of at most max bytes into a fresh, NUL-terminated string. */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len, struct err *err);

/* Replaces a file atomically: temporary file in the same folder, fsync, rename, fsync of the
 * folder. The old content stays whole when anything fails. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *err);

/* The same, but a file that has this content is left alone: a full disk is no obstacle then. */
int file_update(const char *path, const void *data, size_t len, mode_t mode, struct err *err);

/* mkdir -p: an existing folder is fine, an existing other thing is not. */
int file_make_dirs(const char *path, mode_t mode, struct err *err);

/* Removes a tree without following links or leaving the file system it starts on. Folders that
 * lost their write bit are made writable. An absent path is success. */
int file_remove_tree(const char *path, struct err *err);

int file_sync_dir(const char *path);

/* Opens `path` relative to dirfd; the result is beneath dirfd even if links say otherwise
 * (openat2(2), RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS). fd or -errno. */
int file_open_beneath(int dirfd, const char *path, int flags);

/* The same, step by step: for where openat2(2) is not allowed, as in units with DynamicUser=. */
int file_open_beneath_by_steps(int dirfd, const char *path, int flags);

/* Bytes of all files of a tree, as du(1) counts; -errno. */
int64_t file_tree_bytes(const char *path);

bool file_exists(const char *path);

#endif
