/* SPDX-License-Identifier: Apache-2.0
 *
 * Removes large trees without holding up the loop: they are moved out of the way at once, into
 * S/trash, and deleted by a thread.
 */
#ifndef BERTH_AGENT_RUNTIME_TRASH_H
#define BERTH_AGENT_RUNTIME_TRASH_H

/* An absent path is fine. */
void trash_discard(const char *state, const char *path);

/* What a former agent did not get to. */
void trash_empty(const char *state);

#endif
