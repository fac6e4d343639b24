/* SPDX-License-Identifier: Apache-2.0
 *
 * struct exchange: one request and its response, between a codec that speaks with the client and a
 * source that produces the response (an instance, a file, the proxy itself). Knows no wire format
 * and no socket.
 *
 *	codec:    exchange_begin  exchange_body* exchange_body_end        (exchange_cancel)
 *	source:            exchange_respond  exchange_send*  exchange_end (exchange_fail)
 *
 * The two halves overlap: a response may begin and end before the request has. After the codec's
 * send_end() or abort() was called, or exchange_cancel() by the codec, the exchange is over and
 * may be begun anew. Any call towards the client may end it: look at exchange->active behind it.
 */
#ifndef BERTH_PROXY_EXCHANGE_H
#define BERTH_PROXY_EXCHANGE_H

#include "lib/http/head.h"
#include "proxy/deadline.h"
#include "proxy/stream.h"
#include "proxy/upstream.h"

struct exchange;

struct response_head {
	unsigned status;
	struct str reason;
	const struct http_field *fields; /* end-to-end ones, without Content-Length */
	size_t field_count;
	enum response_body {
		RESPONSE_NO_BODY, /* HEAD, 204, 304 */
		RESPONSE_LENGTH,
		RESPONSE_STREAM, /* ends when it ends */
		RESPONSE_TUNNEL, /* 101: bytes both ways until one side ends */
	} body;
	bool has_length; /* with RESPONSE_LENGTH, and what HEAD and 304 would have */
	uint64_t length;
};

/* What a codec offers an exchange. */
struct exchange_client {
	void (*send_head)(struct exchange *x, const struct response_head *head);
	/* Takes all; false: wait for exchange_resume() before the next. `last`: nothing follows but
	 * send_end(). */
	bool (*send_body)(struct exchange *x, const void *data, size_t len, bool last);
	/* What was given so far goes out now. */
	void (*flush)(struct exchange *x);
	/* From a file, only with exchange->can_sendfile. Count, -EAGAIN (exchange_resume() follows)
	 * or another -errno. */
	ssize_t (*send_file)(struct exchange *x, int fd, uint64_t offset, size_t n);
	void (*send_end)(struct exchange *x);
	/* The response cannot be completed: the client must be able to see that. */
	void (*abort)(struct exchange *x);
	/* The request's body is wanted again, after exchange_body() said false. */
	void (*resume_body)(struct exchange *x);
};

/* Where a response comes from. state is the source's own. */
struct exchange_source {
	bool (*on_body)(struct exchange *x, const void *data, size_t len);
	void (*on_body_end)(struct exchange *x);
	void (*on_request_flush)(struct exchange *x);
	void (*on_resume)(struct exchange *x);
	/* Over, for whatever reason: let go of everything. */
	void (*release)(struct exchange *x);
};

struct exchange {
	struct worker *worker;
	const struct exchange_client *client;
	const struct exchange_source *source; /* NULL: no source is at work */
	void *state; /* the source's */
	struct view *view;
	const struct site *site;
	struct counter_cell *counters; /* NULL: no site */
	struct deadline deadline; /* the source's */
	void (*on_deadline)(struct exchange *x);
	bool can_sendfile; /* the codec's: bodies go to the socket as they are */
	bool active, responded, is_head, request_done;
	unsigned status;
	uint64_t body_left; /* of what the site accepts */
};

/* The request as the codec hands it over, borrowed for the call. */
struct exchange_request {
	const struct http_head *head;
	const char *peer;
	bool secure;
	const struct stream *stream; /* for the handshake's names */
};

void exchange_init(struct exchange *x, struct worker *w, const struct exchange_client *client);

/* Begins; the response may come, and end, from within. */
void exchange_begin(struct exchange *x, const struct exchange_request *request);

/* Bytes of the request's body; all are taken. False: wait for resume_body(). */
bool exchange_body(struct exchange *x, const void *data, size_t len);
void exchange_body_end(struct exchange *x);

/* A round of the codec is over: what waits for company may go upstream. */
void exchange_flush_request(struct exchange *x);

/* The client takes bytes again. */
void exchange_resume(struct exchange *x);

/* The client is gone. */
void exchange_cancel(struct exchange *x);

/* For sources. */
void exchange_respond(struct exchange *x, const struct response_head *head);
bool exchange_send(struct exchange *x, const void *data, size_t len, bool last);
void exchange_flush(struct exchange *x);
void exchange_end(struct exchange *x);

/* The source cannot go on: a neutral page when nothing was sent yet, else an abort. */
void exchange_fail(struct exchange *x, unsigned status);

/* A source that has not sent anything yet asks whether a newer table has a place for the request:
 * moves the exchange to that table and answers with its route, an upstream; else NULL. */
const struct route *exchange_reroute(struct exchange *x, const struct route *route);

/* A neutral page with up to a few fields, as the whole response. */
void exchange_page(
	struct exchange *x, unsigned status, const struct http_field *fields, size_t field_count);

#endif
