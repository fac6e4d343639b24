/* SPDX-License-Identifier: Apache-2.0
 *
 * struct agent: all parts of the agent, made in the order in which they need each other, and ended
 * in the reverse order. Wires; decides nothing.
 */
#ifndef BERTH_AGENT_AGENT_H
#define BERTH_AGENT_AGENT_H

#include "agent/config.h"
#include "lib/base/err.h"

struct agent;
struct ev_loop;

struct agent_options {
	const struct agent_config *config; /* borrowed for the agent's life */
	/* Standalone mode: everything below this absolute path, the proxy and the apps as our own
	 * processes. NULL: a host with systemd. */
	const char *standalone_dir;
};

/* Starts everything. on_ready(data) is called once, when API and proxy are there; on_failed(data)
 * when they did not come up in time. */
struct agent_events {
	void (*on_ready)(void *data);
	void (*on_failed)(void *data);
	void (*on_stopped)(void *data);
	void *data;
};

int agent_new(struct ev_loop *loop, const struct agent_options *options,
	const struct agent_events *events, struct agent **ret, struct err *err);

/* Standalone mode: ends the proxy, then every instance; on a host all of that goes on without us.
 * on_stopped comes from the loop. */
void agent_stop(struct agent *a);
void agent_free(struct agent *a); /* accepts NULL and half-built ones */

/* "https://berth.localhost:8443", NULL without an admin host. */
const char *agent_url(const struct agent *a);

#endif
