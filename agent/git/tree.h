/* SPDX-License-Identifier: Apache-2.0
 *
 * tree_walk(): visits every file of a tree in git's order and refuses, by name, what must not be
 * checked out. A push is accepted after a walk without visitor; a checkout is a walk that writes.
 */
#ifndef BERTH_AGENT_GIT_TREE_H
#define BERTH_AGENT_GIT_TREE_H

#include <git2.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct tree_limits {
	size_t files_max; /* folders are counted as well */
	uint64_t bytes_max; /* of all files together */
	uint64_t file_bytes_max;
	size_t path_max; /* bytes of one path from the top */
	unsigned depth_max;
};

#define TREE_LIMITS_DEFAULT                            \
	((struct tree_limits){.files_max = 200000,     \
		.bytes_max = (uint64_t)2 << 30,        \
		.file_bytes_max = (uint64_t)100 << 20, \
		.path_max = 3000,                      \
		.depth_max = 64})

/* Names have passed name_entry_problem(), targets name_link_problem(). A negative result of a
 * callback ends the walk with it; the callback has filled the walk's err. */
struct tree_visitor {
	int (*on_dir)(void *data, const char *name);
	int (*on_dir_end)(void *data);
	int (*on_file)(void *data, const char *name, bool is_executable, const git_oid *id);
	int (*on_link)(void *data, const char *name, const char *target);
	void *data;
};

struct tree_totals {
	size_t files, dirs;
	uint64_t bytes;
};

/* 0; -EBADMSG with words that name the path when the tree is refused; -ENOENT when an object is
 * missing; another -errno when reading failed. `visitor` and `ret` may be NULL. */
int tree_walk(git_odb *odb, const git_oid *tree, const struct tree_limits *limits,
	const struct tree_visitor *visitor, struct tree_totals *ret, struct err *err);

#endif
