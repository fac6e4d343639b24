/* SPDX-License-Identifier: Apache-2.0
 *
 * struct shutdown: the end of a standalone agent: first the proxy, so that requests in flight still
 * find their apps, then every instance. Has a deadline; what is left by then is killed by nobody
 * and found by the next agent.
 */
#ifndef BERTH_AGENT_SHUTDOWN_H
#define BERTH_AGENT_SHUTDOWN_H

struct ev_loop;
struct proxy_process;
struct runtime;
struct shutdown;

/* Takes over the runtime's callbacks: the engine must be gone. Either may be NULL: nothing of it is
 * ended. on_done comes from the loop. */
struct shutdown *shutdown_begin(struct ev_loop *loop, struct runtime *runtime,
	struct proxy_process *proxy, void (*on_done)(void *data), void *data);
void shutdown_free(struct shutdown *s); /* accepts NULL */

#endif
