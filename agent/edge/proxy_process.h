/* SPDX-License-Identifier: Apache-2.0
 *
 * struct proxy_process: the proxy as the agent's own process, in standalone mode. It outlives an
 * agent that was killed; the next agent finds it by its pid and start time and takes it over. A
 * proxy that dies is started again, later each time.
 */
#ifndef BERTH_AGENT_PROXY_PROCESS_H
#define BERTH_AGENT_PROXY_PROCESS_H

#include <stdbool.h>

#include "lib/base/err.h"

struct ev_loop;
struct proxy_process;

struct proxy_process_config {
	const char *program; /* berth-proxy */
	const char *dir; /* for proxy.json, proxy.pid and proxy.log */
	const char *control_path, *routes_path;
	unsigned http_port, https_port; /* on 127.0.0.1 and, where there is IPv6, ::1 */
};

/* Takes over what runs, or starts one. Ports that somebody else has are an error that names the
 * port and the fix. Copies the configuration. */
int proxy_process_new(struct ev_loop *loop, const struct proxy_process_config *config,
	struct proxy_process **ret, struct err *err);

/* Ends it: on_ended comes when it is gone, killed after a while if need be. */
void proxy_process_stop(struct proxy_process *p, void (*on_ended)(void *data), void *data);
/* The start of the agent came to nothing: ends the proxy that it began, at once. One that was taken
 * over goes on serving. Accepts NULL. */
void proxy_process_undo(struct proxy_process *p);
void proxy_process_free(struct proxy_process *p); /* leaves it running; accepts NULL */

#endif
