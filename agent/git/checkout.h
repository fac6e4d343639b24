/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing a commit's tree into an empty folder: plain files, folders and links, nothing of git.
 * No filters, attributes, hooks or configuration are used; no existing file or link is followed.
 */
#ifndef BERTH_AGENT_GIT_CHECKOUT_H
#define BERTH_AGENT_GIT_CHECKOUT_H

#include <git2.h>
#include <stdbool.h>

#include "agent/git/tree.h"
#include "lib/base/err.h"

/* `to` is created (0755) when absent and must be empty otherwise. With `sync` all is on disk when
 * it returns (syncfs(2): one pass instead of an fsync for each file). Errors as tree_walk(); what
 * was written stays there when it fails: the folder is the caller's. */
int checkout_write(git_repository *repo, const git_oid *commit, const char *to, bool sync,
	struct tree_totals *ret, struct err *err);

#endif
