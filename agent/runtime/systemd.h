/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the systemd runtime share: systemd.c (the table, instances), systemd_task.c and
 * systemd_wire.c (the connection to hostd). Nobody else includes it.
 */
#ifndef BERTH_AGENT_RUNTIME_SYSTEMD_H
#define BERTH_AGENT_RUNTIME_SYSTEMD_H

#include <ev.h>

#include "agent/runtime/runtime.h"
#include "lib/base/list.h"
#include "lib/ipc/hostd.h"

struct systemd {
	struct runtime rt; /* first */
	char *state, *socket;
	int fd; /* -1: not connected */
	ev_io on_readable, on_writable;
	ev_timer reconnect;
	struct list requests; /* not answered yet; sent again after a reconnection */
	struct list instances; /* what hostd told */
	struct list tasks;
	uint64_t last_id;
	unsigned listing; /* counts the lists asked for, to find what the newest does not name */
};

/* The connection. A request is queued, sent when it can be, and kept until its reply: every verb
 * may be repeated. `fd` is taken, -1: none. */
int systemd_connect(struct systemd *s, struct err *err);
void systemd_disconnect(struct systemd *s);
void systemd_request(struct systemd *s, struct hostd_request *r, int fd);
bool systemd_is_asked(const struct systemd *s, enum hostd_verb verb, const struct instance_id *id);
/* Receives and handles one packet: 1, 0 when nothing is there, or -errno. */
int systemd_receive(struct systemd *s);
void systemd_wire_init(struct systemd *s);
void systemd_wire_free(struct systemd *s);

/* Called by systemd_receive(). `fd` is taken. */
void systemd_on_instance(struct systemd *s, const struct hostd_message *m);
void systemd_on_reply(struct systemd *s, const struct hostd_request *request,
	const struct hostd_message *m, int fd);

int systemd_task_run(struct systemd *s, const struct task_spec *spec, struct err *err);
int systemd_task_cancel(struct systemd *s, const struct task_spec *spec);
void systemd_task_on_reply(struct systemd *s, const struct hostd_request *request,
	const struct hostd_message *m, int fd);
void systemd_task_on_done(struct systemd *s, const struct hostd_message *m);
void systemd_free_tasks(struct systemd *s);

#endif
