/* SPDX-License-Identifier: Apache-2.0
 *
 * A bare repository of an app, opened so that nothing in it, and nothing in the files of whoever
 * runs us, configures us. With the other files of agent/git the agent's only user of libgit2.
 */
#ifndef BERTH_AGENT_GIT_REPO_H
#define BERTH_AGENT_GIT_REPO_H

#include <git2.h>
#include <stdbool.h>

#include "lib/base/err.h"

/* Starts libgit2 with bounded caches and mapped windows and without configuration files. Once. */
int repo_init_library(struct err *err);

/* -ENOENT when there is no repository at `path`. */
int repo_open(const char *path, git_repository **ret, struct err *err);

/* Opens it, creating it first when it is absent; folders 0700. */
int repo_open_or_create(const char *path, git_repository **ret, struct err *err);

/* Fills err with the words given and libgit2's own behind them; -EIO, -ENOMEM or -ENOENT. */
int repo_err(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The tree of a commit, from its raw object; -EBADMSG when it is no commit. */
int repo_commit_tree(git_odb *odb, const git_oid *commit, git_oid *ret_tree, struct err *err);

static inline void git_repository_freep(git_repository **p)
{
	git_repository_free(*p);
}
static inline void git_odb_freep(git_odb **p)
{
	git_odb_free(*p);
}
static inline void git_odb_object_freep(git_odb_object **p)
{
	git_odb_object_free(*p);
}
static inline void git_reference_freep(git_reference **p)
{
	git_reference_free(*p);
}
#define _cleanup_repository_ _cleanup_(git_repository_freep)
#define _cleanup_odb_ _cleanup_(git_odb_freep)
#define _cleanup_object_ _cleanup_(git_odb_object_freep)
#define _cleanup_reference_ _cleanup_(git_reference_freep)

#endif
