/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes the owner of a tree that somebody untrusted wrote, as root, without being led elsewhere.
 */
#ifndef BERTH_AGENT_HOSTD_TREE_H
#define BERTH_AGENT_HOSTD_TREE_H

#include <sys/types.h>

#include "lib/base/err.h"

/* Gives each entry of the tree at `path` that belongs to `from` to `to` (user and group), takes its
 * setuid and setgid bits, and removes what is neither file, folder nor link. No link is followed;
 * what belongs to others is left alone; entries that vanish meanwhile are no error. With `seal` the
 * owner may write folders and everybody may read. */
struct tree_owners {
	uid_t from, to_user;
	gid_t to_group;
	int seal;
};
int tree_give(const char *path, const struct tree_owners *owners, struct err *err);

#endif
