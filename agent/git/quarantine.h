/* SPDX-License-Identifier: Apache-2.0
 *
 * struct quarantine: the objects folder of one push, inside the repository but unknown to it. What
 * is in it becomes part of the repository by two renames, or goes away without a trace.
 */
#ifndef BERTH_AGENT_GIT_QUARANTINE_H
#define BERTH_AGENT_GIT_QUARANTINE_H

#include "lib/base/err.h"

struct quarantine {
	char *repo;
	char *objects; /* an objects folder: pack/ is in it; NULL when there is none */
	int lock; /* held while we live; a folder whose lock is free is stale */
};

/* Removes what dead pushes left, then makes a fresh one. */
int quarantine_open(struct quarantine *q, const char *repo, struct err *err);

/* Moves pack-<name>.pack and .idx, which are on disk already, into the repository: the pack first,
 * since it is the index that makes it known. The folder is synced. */
int quarantine_migrate(const struct quarantine *q, const char *name, struct err *err);

/* Removes the folder. Accepts a quarantine that was never opened, zeroed but for lock -1. */
void quarantine_close(struct quarantine *q);

#endif
