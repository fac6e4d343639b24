/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing answers: heads, JSON, the error object, streams.
 */
#include "agent/api/reply.h"

#include <errno.h>
#include <stdio.h>

#include "agent/api/conn.h"
#include "lib/data/json.h"
#include "lib/http/date.h"
#include "lib/http/writer.h"

#define HEAD_MAX 1024
#define JSON_TYPE "application/json"

struct error_kind {
	const char *code;
	unsigned status;
	int exit; /* the CLI's exit code */
};

static const struct error_kind error_kinds[] = {
	[REPLY_BAD_REQUEST] = {"bad_request", 400, 2},
	[REPLY_UNAUTHORIZED] = {"unauthorized", 401, 4},
	[REPLY_FORBIDDEN] = {"forbidden", 403, 4},
	[REPLY_NOT_FOUND] = {"not_found", 404, 5},
	[REPLY_METHOD_NOT_ALLOWED] = {"method_not_allowed", 405, 2},
	[REPLY_CONFLICT] = {"conflict", 409, 2},
	[REPLY_TOO_LARGE] = {"too_large", 413, 2},
	[REPLY_UNSUPPORTED_TYPE] = {"unsupported_type", 415, 2},
	[REPLY_TOO_MANY] = {"too_many_attempts", 429, 4},
	[REPLY_BUSY] = {"busy", 503, 7},
	[REPLY_INTERNAL] = {"internal", 500, 3},
	[REPLY_NO_SPACE] = {"no_space", 507, 1},
	[REPLY_TIMEOUT] = {"timeout", 504, 124},
};

static enum reply_error kind_of(int code)
{
	switch (code) {
	case EINVAL:
	case ENAMETOOLONG:
	case EILSEQ:
		return REPLY_BAD_REQUEST;
	case ENOENT:
	case ESRCH:
		return REPLY_NOT_FOUND;
	case EEXIST:
		return REPLY_CONFLICT;
	case EACCES:
	case EPERM:
		return REPLY_FORBIDDEN;
	case EFBIG:
	case E2BIG:
	case ENOBUFS:
		return REPLY_TOO_LARGE;
	case EBUSY:
	case EAGAIN:
		return REPLY_BUSY;
	case ENOSPC:
	case EDQUOT:
		return REPLY_NO_SPACE;
	case ETIMEDOUT:
		return REPLY_TIMEOUT;
	default:
		return REPLY_INTERNAL;
	}
}

/* What every head has. `extra` is a whole field line or empty. */
static void send_head(struct exchange *x, unsigned status, const char *type, const char *extra)
{
	struct conn *c = x->conn;
	char date[HTTP_DATE_SIZE];
	_cleanup_buf_ struct buf head = BUF_INIT(HEAD_MAX);

	must(!x->is_started);
	x->is_started = true;
	http_date_format(time(NULL), date);
	int r = http_write_status_line(&head, status, STR(""));
	r |= http_write_field(&head, STR("Date"), str_from(date));
	r |= http_write_field(&head, STR("Content-Type"), str_from(type));
	r |= http_write_field(&head, STR("Cache-Control"), STR("no-store"));
	r |= http_write_field(&head, STR("X-Content-Type-Options"), STR("nosniff"));
	if (!c->keep_alive)
		r |= http_write_field(&head, STR("Connection"), STR("close"));
	r |= buf_puts(&head, extra);
	r |= http_write_end(&head);
	must(r == 0);
	conn_send(c, buf_data(&head), buf_len(&head));
}

static void send_whole(
	struct exchange *x, unsigned status, const char *type, struct str body, const char *extra)
{
	_cleanup_free_ char *fields = xasprintf("Content-Length: %zu\r\n%s", body.len, extra);

	if (!x->conn->body_done)
		x->conn->keep_alive = false;
	send_head(x, status, type, fields);
	conn_send(x->conn, body.p, body.len);
	conn_finish(x->conn);
}

static void send_json(struct exchange *x, unsigned status, json_t *body, const char *extra)
{
	_cleanup_free_ char *line = json_line(body);
	_cleanup_free_ char *text = xasprintf("%s\n", line);

	json_decref(body);
	send_whole(x, status, JSON_TYPE, str_from(text), extra);
}

void reply_json(struct exchange *x, unsigned status, json_t *body)
{
	must(body);
	send_json(x, status, body, "");
}

void reply_text(struct exchange *x, const char *type, const char *text)
{
	send_whole(x, 200, type, str_from(text), "");
}

static json_t *error_object(const struct error_kind *kind, const char *message, const char *hint)
{
	json_t *e = json_pack("{s:{s:s,s:s,s:i}}", "error", "code", kind->code, "message", message,
		"exit", kind->exit);

	/* Words may hold bytes that are no UTF-8: they came from a file or a peer. */
	if (!e)
		e = json_pack("{s:{s:s,s:s,s:i}}", "error", "code", kind->code, "message",
			"(the message is not valid text)", "exit", kind->exit);
	if (hint)
		must(json_object_set_new(
			     json_object_get(e, "error"), "hint", json_string_nocheck(hint)) == 0);
	return e;
}

static void send_error(struct exchange *x, const struct error_kind *kind, const char *message,
	const char *hint, const char *extra)
{
	send_json(x, kind->status, error_object(kind, message, hint), extra);
}

void reply_error(struct exchange *x, enum reply_error kind, const char *hint, const char *fmt, ...)
{
	char message[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	send_error(x, &error_kinds[kind], message, hint, "");
}

void reply_err(struct exchange *x, const struct err *err)
{
	send_error(x, &error_kinds[kind_of(err->code)], err->msg, NULL, "");
}

void reply_status(struct exchange *x, unsigned status, const char *why)
{
	const struct error_kind kind = {"bad_request", status, 2};
	send_error(x, &kind, why, NULL, "");
}

void reply_unauthorized(struct exchange *x, bool is_git)
{
	send_error(x, &error_kinds[REPLY_UNAUTHORIZED], "a valid token is needed",
		"make one on the host: berth tokens create NAME; then set BERTH_TOKEN, or give it "
		"to git as the password",
		is_git ? "WWW-Authenticate: Basic realm=\"berth\", charset=\"UTF-8\"\r\n"
		       : "WWW-Authenticate: Bearer realm=\"berth\"\r\n");
}

void reply_too_many(struct exchange *x, unsigned wait_s)
{
	char extra[40], hint[60];

	(void)snprintf(extra, sizeof extra, "Retry-After: %u\r\n", wait_s);
	(void)snprintf(hint, sizeof hint, "try again in %u s", wait_s);
	send_error(x, &error_kinds[REPLY_TOO_MANY], "too many wrong tokens from this address", hint,
		extra);
}

void reply_begin(struct exchange *x, const char *type)
{
	struct conn *c = x->conn;

	c->is_chunked = !c->is_old;
	if (c->is_old)
		c->keep_alive = false;
	send_head(x, 200, type, c->is_chunked ? "Transfer-Encoding: chunked\r\n" : "");
}

void reply_write(struct exchange *x, const void *data, size_t len)
{
	struct conn *c = x->conn;
	char head[HTTP_CHUNK_HEAD_MAX];

	if (len == 0)
		return;
	if (c->is_chunked)
		conn_send(c, head, http_format_chunk_head(head, len));
	conn_send(c, data, len);
	if (c->is_chunked)
		conn_send(c, HTTP_CHUNK_END, strlen(HTTP_CHUNK_END));
}

void reply_line(struct exchange *x, const char *line)
{
	_cleanup_free_ char *text = xasprintf("%s\n", line);
	reply_write(x, text, strlen(text));
}

void reply_end(struct exchange *x)
{
	struct conn *c = x->conn;

	if (c->is_chunked)
		conn_send(c, HTTP_CHUNK_LAST, strlen(HTTP_CHUNK_LAST));
	conn_finish(c);
}

void reply_abort(struct exchange *x)
{
	conn_drop(x->conn);
}

size_t reply_unsent(const struct exchange *x)
{
	return buf_len(&x->conn->out);
}
