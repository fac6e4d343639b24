/* SPDX-License-Identifier: Apache-2.0
 *
 * connect_check(): is everything there that the pushed commits refer to? The walk ends at objects
 * that the repository had before: whatever came in earlier was checked earlier. A pack may bring
 * objects that no pushed ref reaches, and those were not; so the tree of what is deployed is walked
 * whole each time (agent/git/tree.h), and here only history can be found wanting.
 */
#ifndef BERTH_AGENT_GIT_CONNECT_H
#define BERTH_AGENT_GIT_CONNECT_H

#include <git2.h>

#include "lib/base/err.h"
#include "lib/base/ident.h"

struct connect {
	git_odb *incoming; /* the quarantine alone */
	git_odb *known; /* the repository without it */
	/* Commits whose parents may be missing: the client has a shallow clone. */
	const char (*shallow)[IDENT_COMMIT_LEN + 1];
	size_t shallow_count;
};

/* 0; -EBADMSG naming the first missing or malformed object. */
int connect_check(const struct connect *c, const git_oid *tip, struct err *err);

#endif
