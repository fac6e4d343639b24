/* SPDX-License-Identifier: Apache-2.0
 *
 * struct control: the agent's end of the proxy's control socket (lib/ipc/control.h). Connects again
 * by itself, for as long as it lives; requests wait for a connection, go out in order, and each has
 * a deadline. A request whose connection broke is sent again: "apply" and "status" may be repeated.
 */
#ifndef BERTH_AGENT_CONTROL_H
#define BERTH_AGENT_CONTROL_H

#include <stdbool.h>

#include <jansson.h>

#include "lib/base/err.h"

struct ev_loop;
struct control;

/* A connection was made: on_connected(data) is called before waiting requests are sent. */
struct control *control_new(struct ev_loop *loop, const char *path, /* copies */
	void (*on_connected)(void *data), void *data);
/* Requests under way are dropped, their callbacks are not called. Accepts NULL. */
void control_free(struct control *c);

/* Called once for each request, never from within control_request(). 0 and the answer (borrowed);
 * -EINVAL when the proxy refused, err has its words; -ENOTCONN at the deadline without a connection,
 * -ETIMEDOUT at the deadline with one. */
typedef void (*control_on_answer)(
	void *data, int result, const json_t *answer, const struct err *err);

/* Sends {"id":n,"op":op}, and with a table {"id":n,"op":op,"table":...}; `table` is JSON text whose
 * strings have no raw newlines (no JSON text has), or NULL. */
void control_request(struct control *c, const char *op, const char *table, unsigned deadline_ms,
	control_on_answer on_answer, void *data);

bool control_is_connected(const struct control *c);

#endif
