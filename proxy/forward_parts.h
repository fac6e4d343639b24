/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of the forward source: what a forwarded request is made of, and what its
 * attempts, its response and its request side ask of each other.
 */
#ifndef BERTH_PROXY_FORWARD_PARTS_H
#define BERTH_PROXY_FORWARD_PARTS_H

#include "lib/http/chunked.h"
#include "proxy/exchange.h"

enum forward_state {
	HOLDING, /* nobody takes connections: they may be restarting */
	CONNECTING,
	WAITING,
	READING,
	DONE,
};

struct forward {
	struct corpse corpse;
	struct exchange *exchange;
	struct upstream_conn *upstream;
	struct instance *instance; /* counted as outstanding there, NULL between attempts */
	const struct route *route;
	enum forward_state state;
	struct buf head; /* the request's head, until a byte of the response has come */
	struct buf body; /* of the request, what has not been given to the connection */
	struct str method;
	char method_text[16];
	bool replayable, chunked_request, upgrade, tunnel, timeless;
	bool head_sent; /* on this connection */
	bool body_broken; /* the app takes no more of the body; its answer counts */
	unsigned attempts, lost, interim;
	double hold_until; /* loop time; 0: was not held yet */
	uint64_t timeout_ms;
	enum http_framing framing; /* of the response */
	uint64_t left;
	struct http_chunked chunks;
	bool keep_alive;
};

/* The connection's events, for upstream_own(). */
extern const struct upstream_events forward_events;

/* Sets the time to the next thing that must happen; 0: none. */
void forward_wait_ms(struct forward *f, uint64_t ms);

/* The response's clock runs when the app has the whole request. */
void forward_wait_for_response(struct forward *f);

/* forward_attempt.c: */

/* The first attempt: a connection from the pool, else a new one. Does not send yet. */
void forward_find_connection(struct forward *f);

/* A further attempt on a new connection; what has come of the request goes out at once. */
void forward_attempt(struct forward *f);

/* This attempt failed before a byte of a response: another one, or the end with `status`. `sent`:
 * the app may have seen the request. */
void forward_attempt_again(struct forward *f, bool sent, bool was_reused, unsigned status);

/* Sends the head and what there is of the body on a connection that is ready. 0 or -errno. */
int forward_send_request(struct forward *f);
void forward_on_request_broken(struct forward *f);
void forward_on_connected(void *owner);
void forward_mark_down(struct instance *i);
void forward_end_hold(struct forward *f);

/* Lets go of connection and instance. */
void forward_detach(struct forward *f, bool reusable);

/* forward_response.c: takes bytes of the response. */
size_t forward_on_data(void *owner, char *data, size_t len);

/* The response is complete. */
void forward_finish(struct forward *f, bool reusable);

#endif
