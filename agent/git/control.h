/* SPDX-License-Identifier: Apache-2.0
 *
 * The talk with berth-agent about a pushed branch: one line tells it, then its deploy events come
 * back (docs/api.md) until the one of type "end".
 */
#ifndef BERTH_AGENT_GIT_CONTROL_H
#define BERTH_AGENT_GIT_CONTROL_H

#include "agent/git/commands.h"
#include "agent/git/reply.h"

/* Tells the agent of the branch, passes its events on to the client, and waits for the end: 0 when
 * the branch may move (the commit is live, or the branch is one that is only stored), else
 * -ECANCELED with words for the report. Blocks as long as the deploy takes. */
int control_deploy(int fd, const struct command *cmd, bool is_only_branch, struct reply *reply,
	struct err *err);

#endif
