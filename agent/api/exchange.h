/* SPDX-License-Identifier: Apache-2.0
 *
 * struct exchange: one request and its answer, as the handlers see it. A handler answers at once
 * (reply_*), or begins a stream and feeds it from callbacks until the stream ends or the client has
 * gone. What the connection does with bytes is agent/api/conn.c's.
 */
#ifndef BERTH_AGENT_EXCHANGE_H
#define BERTH_AGENT_EXCHANGE_H

#include <jansson.h>

#include "agent/api/access.h"
#include "agent/api/target.h"
#include "lib/base/arena.h"

#define EXCHANGE_BODY_MAX (1u << 20)
#define EXCHANGE_UNSENT_MAX (4u << 20) /* a client that reads slower than this is dropped */

struct api;
struct conn;
struct exchange;

/* Who an endpoint is for. */
enum access_scope {
	FOR_ANYONE, /* with any token */
	FOR_APP, /* with a token of that app: the pattern's first parameter */
	FOR_ADMINS,
};

enum body_kind {
	BODY_NONE, /* a body is refused */
	BODY_JSON, /* an object, whole in `body` before the handler is called */
	BODY_STREAM, /* handed to on_body as it comes, after the handler was called */
};

struct endpoint {
	const char *method;
	const char *pattern;
	enum access_scope scope;
	enum body_kind body;
	const char *query; /* names of the query parameters that there are: "lines,follow" */
	void (*handle)(struct exchange *x);
};

struct exchange {
	struct api *api;
	struct conn *conn;
	const struct endpoint *endpoint;
	struct target_params params;
	struct target_query query;
	struct identity identity;
	bool is_gzip; /* Content-Encoding of the request's body */
	bool is_started; /* the answer has begun */
	json_t *body;
	/* For handlers whose answer is a stream. on_gone: the exchange is over, answered or not; no
	 * other callback comes after it. on_sent: what was written is out. */
	void *stream;
	void (*on_gone)(struct exchange *x);
	void (*on_sent)(struct exchange *x);
	/* BODY_STREAM: a piece of the body; then once with len 0, the end. */
	void (*on_body)(struct exchange *x, const char *data, size_t len);
};

/* {app} of the endpoints that have one: the first parameter. */
static inline const char *exchange_app(const struct exchange *x)
{
	return x->params.values[0];
}

/* Errors as the CLI understands them: a stable code, the exit code it stands for, a status. */
enum reply_error {
	REPLY_BAD_REQUEST,
	REPLY_UNAUTHORIZED,
	REPLY_FORBIDDEN,
	REPLY_NOT_FOUND,
	REPLY_METHOD_NOT_ALLOWED,
	REPLY_CONFLICT,
	REPLY_TOO_LARGE,
	REPLY_UNSUPPORTED_TYPE,
	REPLY_TOO_MANY,
	REPLY_BUSY,
	REPLY_INTERNAL,
	REPLY_NO_SPACE,
	REPLY_TIMEOUT,
};

/* The whole answer. Each of these ends the exchange's answering. */
void reply_json(struct exchange *x, unsigned status, json_t *body); /* takes */
void reply_text(struct exchange *x, const char *type, const char *text);
void reply_error(struct exchange *x, enum reply_error kind, const char *hint, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* The error that an errno and its words stand for. */
void reply_err(struct exchange *x, const struct err *err);

/* A streamed answer: begin, write as often as wished, end. Bytes that do not fit into what may wait
 * unsent drop the client (on_gone comes later). */
void reply_begin(struct exchange *x, const char *type);
void reply_write(struct exchange *x, const void *data, size_t len);
void reply_line(struct exchange *x, const char *line); /* and a newline */
void reply_end(struct exchange *x);
/* The stream broke: the client must see it as cut. */
void reply_abort(struct exchange *x);
size_t reply_unsent(const struct exchange *x);

/* BODY_STREAM: stop or go on reading from the client. */
void exchange_pause(struct exchange *x, bool is_paused);

#endif
