/* SPDX-License-Identifier: Apache-2.0
 *
 * struct manager: systemd as hostd sees it, over sd-bus and asynchronously on hostd's sd-event loop.
 * JobRemoved is subscribed to before the first job is made, so no end of a job is missed.
 */
#ifndef BERTH_AGENT_HOSTD_MANAGER_H
#define BERTH_AGENT_HOSTD_MANAGER_H

#include <stdbool.h>

#include "lib/base/err.h"

struct sd_event;
struct manager;

struct unit_status {
	char active[16]; /* "active", "activating", "failed", ... */
	char sub[24]; /* "running", "auto-restart", ... */
	unsigned restarts;
	int64_t since_ms;
	uint64_t memory_bytes; /* 0: unknown */
};

struct manager_callbacks {
	/* A property of a unit of ours changed: ask for its status. */
	void (*on_change)(void *data, const char *unit);
	void *data;
};

/* `ok`: the job was done. A job for a unit that does not exist is over at once. */
typedef void (*on_job)(void *data, const char *unit, bool ok);
typedef void (*on_status)(void *data, const char *unit, const struct unit_status *status);

int manager_new(struct sd_event *event, const struct manager_callbacks *callbacks,
	struct manager **ret, struct err *err);
void manager_free(struct manager *m);

/* `verb` is StartUnit or StopUnit. */
int manager_job(struct manager *m, const char *verb, const char *unit, on_job done, void *data);

/* Reads all unit files again; `done` comes after it. */
int manager_reload(struct manager *m, const char *unit, on_job done, void *data);

/* A unit that failed stays loaded until this is called. Nothing is answered. */
void manager_forget(struct manager *m, const char *unit);

/* NULL status: the unit cannot be read. */
int manager_status(struct manager *m, const char *unit, on_status done, void *data);

#endif
