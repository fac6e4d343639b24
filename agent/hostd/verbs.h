/* SPDX-License-Identifier: Apache-2.0
 *
 * What hostd does for the agent. Requests come checked (lib/ipc/hostd.h); nothing is kept in
 * memory between them but what is under way: units, their files and what they left behind are the
 * state, so hostd may be killed at any time.
 */
#ifndef BERTH_AGENT_HOSTD_VERBS_H
#define BERTH_AGENT_HOSTD_VERBS_H

#include "lib/base/err.h"
#include "lib/ipc/hostd.h"

struct hostd;
struct sd_event;

struct hostd_callbacks {
	/* To everybody: HOSTD_INSTANCE and HOSTD_TASK_DONE. To who asked: HOSTD_REPLY, with a
	 * descriptor (borrowed) or -1. */
	void (*broadcast)(void *data, const struct hostd_message *message);
	void (*reply)(void *data, uint64_t peer, const struct hostd_message *message, int fd);
	void *data;
};

int hostd_new(struct sd_event *event, const struct hostd_callbacks *callbacks, struct hostd **ret,
	struct err *err);
void hostd_free(struct hostd *h);

/* `peer` names the connection for reply(). `fd` (borrowed) came with HOSTD_LOGS_OPEN, else -1. */
void hostd_request(struct hostd *h, uint64_t peer, const struct hostd_request *request, int fd);

#endif
