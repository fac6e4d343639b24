/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping a repository small: forgets pushes that nothing deploys any more, and makes one pack of
 * many. Nothing is removed before what replaces it is on disk and was looked at.
 *
 * prune_lock_shared() holds pruning off while a push relies on objects that no ref keeps yet.
 */
#ifndef BERTH_AGENT_GIT_PRUNE_H
#define BERTH_AGENT_GIT_PRUNE_H

#include <git2.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct prune_options {
	unsigned push_days_max; /* refs/berth/push/<id> older than that are removed */
	unsigned packs_max; /* more packs than that become one */
};

#define PRUNE_OPTIONS_DEFAULT ((struct prune_options){.push_days_max = 7, .packs_max = 50})

struct prune_result {
	unsigned refs_removed, packs_before, packs_after;
};

/* -EBUSY when a push is under way; nothing was done then. */
int prune_run(git_repository *repo, const struct prune_options *options, struct prune_result *ret,
	struct err *err);

/* Are there more packs than `packs_max`? The cheap question that each push asks. */
bool prune_is_due(git_repository *repo, const struct prune_options *options);

/* A descriptor that holds the lock until it is closed, or -errno. Waits while a prune runs. */
int prune_lock_shared(git_repository *repo, struct err *err);

#endif
