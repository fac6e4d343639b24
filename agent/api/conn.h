/* SPDX-License-Identifier: Apache-2.0
 *
 * struct conn: one HTTP/1.1 connection of the API: heads, bodies, answers, deadlines. Requests are
 * taken one after another; a connection whose peer is gone or misbehaves goes away by itself and
 * tells its exchange.
 */
#ifndef BERTH_AGENT_CONN_H
#define BERTH_AGENT_CONN_H

#include <ev.h>

#include "agent/api/exchange.h"
#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/http/chunked.h"
#include "lib/http/head.h"

/* Where a connection came from decides who its peer may be. */
enum conn_origin {
	CONN_LOCAL, /* the agent's socket: the peer was checked, and is an admin */
	CONN_PROXY, /* the proxy's socket: every request needs a token */
};

enum conn_state {
	CONN_HEAD, /* waiting for a request, or within its head */
	CONN_BODY, /* within the request's body */
	CONN_ANSWER, /* the request is read, the answer is not out */
	CONN_LINGER, /* answered and shut down; reads what the peer still sends */
	CONN_DEAD, /* freed at the loop's end */
};

struct conn {
	struct list link;
	struct api *api;
	enum conn_origin origin;
	enum conn_state state;
	int fd;
	struct ev_io readable, writable;
	struct ev_timer deadline;
	struct buf in, out;
	struct buf body; /* BODY_JSON, until it is whole */
	/* the request's body */
	enum http_framing framing;
	uint64_t body_left;
	struct http_chunked chunked;
	bool body_done;
	bool is_paused;
	/* the answer */
	bool keep_alive; /* after this exchange */
	bool is_chunked; /* the answer's framing; else until close */
	bool is_old; /* HTTP/1.0 */
	bool answer_done; /* everything is in `out` */
	bool has_exchange;
	bool is_dropped; /* closed as soon as the loop comes round */
	double deadline_s; /* what the timer was set to, 0: not set */
	struct exchange x;
};

/* Takes fd. */
void conn_open(struct api *api, int fd, enum conn_origin origin);
/* At once, in any state; its memory goes later. Tells the exchange: not from within a handler. */
void conn_close(struct conn *c);
void conn_free(struct conn *c); /* by the server, when it is dead */

/* For reply.c: bytes of the answer; there are no more; the answer cannot be ended well. None of
 * them calls back. */
void conn_send(struct conn *c, const void *data, size_t len);
void conn_finish(struct conn *c);
void conn_drop(struct conn *c);

#endif
