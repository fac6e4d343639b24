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
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/ident.h"

struct connect {
	git_odb *incoming; /* where the walk reads: the quarantine alone */
	git_odb *known; /* where it ends: the repository without it; NULL: nowhere */
	/* Commits whose parents may be missing: the client has a shallow clone. */
	const char (*shallow)[IDENT_COMMIT_LEN + 1];
	size_t shallow_count;
	bool lacks_parents; /* so may those of any commit */
	/* Called for each object of `incoming` that is reached, once; negative ends the walk. NULL:
	 * not wanted. */
	int (*on_object)(void *data, const git_oid *id);
	void *data;
};

/* 0; -EBADMSG naming the first missing or malformed object. */
int connect_check(const struct connect *c, const git_oid *tip, struct err *err);

/* The same from several tips, visiting what they share once. Borrows `c` and `err`. */
struct connect_walk;
struct connect_walk *connect_begin(const struct connect *c, struct err *err);
int connect_from(struct connect_walk *w, const git_oid *tip);
void connect_end(struct connect_walk *w);

#endif
