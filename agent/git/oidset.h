/* SPDX-License-Identifier: Apache-2.0
 *
 * struct oidset: a set of object ids, 40 bytes or fewer for each, for walks over a million objects.
 */
#ifndef BERTH_AGENT_GIT_OIDSET_H
#define BERTH_AGENT_GIT_OIDSET_H

#include <git2/oid.h>
#include <stdbool.h>

#include "lib/base/base.h"

struct oidset {
	git_oid *slots; /* the zero id is a free slot; it is never a member */
	size_t size; /* a power of two */
	size_t count;
};

/* True when the id was not in the set yet. */
bool oidset_add(struct oidset *s, const git_oid *id);
bool oidset_has(const struct oidset *s, const git_oid *id);
void oidset_free(struct oidset *s);

#endif
