/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of commits whose parents are not here, because they were pushed from shallow clones:
 * the file `shallow` of the repository, as git itself keeps it (gitrepository-layout(5)). libgit2
 * does not read it; it is for people and tools that look into the repository.
 */
#ifndef BERTH_AGENT_GIT_SHALLOW_H
#define BERTH_AGENT_GIT_SHALLOW_H

#include <git2.h>

#include "agent/git/commands.h"

/* Adds those of the client's cut-off points that are here without all of their parents. */
int shallow_record(git_repository *repo, const struct commands *c, struct err *err);

#endif
