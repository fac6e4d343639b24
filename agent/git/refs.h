/* SPDX-License-Identifier: Apache-2.0
 *
 * The refs of an app's repository: what is told to a client, and how they move. Each update names
 * the value it expects, so that two pushes at once cannot overwrite each other.
 */
#ifndef BERTH_AGENT_GIT_REFS_H
#define BERTH_AGENT_GIT_REFS_H

#include <git2.h>
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define REFS_MAX 4096 /* in one repository; a push of new ones is refused beyond */

/* The answer to GET info/refs?service=git-receive-pack: branches and tags by name, what else is
 * kept as ".have" lines. `repo` NULL: an empty repository. */
int refs_advertise(git_repository *repo, struct buf *to, struct err *err);

/* Moves `ref` from `old_id` (zeros: it must not exist) to `new_id`. -ESTALE when it is elsewhere. */
int refs_update(git_repository *repo, const char *ref, const char *old_id, const char *new_id,
	struct err *err);

/* Is `ref` at `old_id`? -ESTALE with words when not. */
int refs_expect(git_repository *repo, const char *ref, const char *old_id, struct err *err);

/* Sets `ref` to `id` whatever it was; removes it, present or not. */
int refs_set(git_repository *repo, const char *ref, const char *id, struct err *err);
int refs_remove(git_repository *repo, const char *ref, struct err *err);

/* No branch but `ref`, which itself may or may not exist. */
bool refs_is_only_branch(git_repository *repo, const char *ref);

size_t refs_count(git_repository *repo);

#endif
