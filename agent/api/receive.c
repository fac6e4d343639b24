/* SPDX-License-Identifier: Apache-2.0
 *
 * From bytes to a handler's call. The order of the checks is the order in which a stranger learns
 * things: first who asks, then whether there is such an endpoint, then whether it is for them.
 */
#include "agent/api/receive.h"

#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/api/reply.h"
#include "agent/api/server.h"
#include "lib/data/json.h"

static void begin_exchange(struct conn *c)
{
	c->x = (struct exchange){.api = c->api, .conn = c};
	c->has_exchange = true;
	c->keep_alive = false;
	c->is_old = false;
	c->answer_done = false;
	c->body_done = true;
	c->state = CONN_ANSWER;
}

static void refuse_head(struct conn *c, unsigned status, const char *why)
{
	begin_exchange(c);
	reply_status(&c->x, status, why);
}

void receive_timed_out(struct conn *c)
{
	if (!c->has_exchange)
		begin_exchange(c);
	c->keep_alive = false;
	reply_status(&c->x, 408, "the request did not come in time");
}

static struct str field_value(const struct http_head *head, const char *name)
{
	const struct http_field *f = http_find(head, name);
	return f ? f->value : (struct str){"", 0};
}

/* The proxy puts the address it sees last. */
static struct str client_address(const struct http_head *head)
{
	struct str rest = field_value(head, "x-forwarded-for"), part, last = {"", 0};

	while (str_split(&rest, ',', &part))
		last = str_trim(part);
	return last;
}

static int identify(struct conn *c, const struct http_head *head)
{
	struct exchange *x = &c->x;
	unsigned wait_s = 0;

	if (c->origin == CONN_LOCAL) {
		must(str_copy(x->identity.scope, sizeof x->identity.scope, STR("*")) == 0);
		return 0;
	}
	int r = access_check_token(c->api->access, field_value(head, "authorization"),
		client_address(head), &x->identity, &wait_s);
	if (r == -EAGAIN)
		reply_too_many(x, wait_s);
	else if (r < 0)
		reply_unauthorized(x, str_starts(head->path, STR("/git/")));
	return r;
}

static int find_endpoint(struct exchange *x, const struct http_head *head)
{
	const struct endpoint *other = NULL;

	for (size_t i = 0; i < endpoint_count && !x->endpoint; i++) {
		if (!target_has_shape(endpoints[i].pattern, head->path))
			continue;
		other = &endpoints[i];
		if (str_eq(head->method, str_from(other->method)))
			x->endpoint = other;
	}
	if (x->endpoint)
		return 0;
	if (other)
		reply_error(x, REPLY_METHOD_NOT_ALLOWED, NULL, STR_FMT " is not possible here",
			STR_ARG(head->method));
	else
		reply_error(x, REPLY_NOT_FOUND, "see docs/api.md for the endpoints that there are",
			"no such endpoint");
	return -ENOENT;
}

static int read_target(struct exchange *x, const struct http_head *head)
{
	const struct endpoint *e = x->endpoint;
	struct err err;
	int r = target_read_params(e->pattern, head->path, &x->params, &err);
	if (r == 0)
		r = target_read_query(e->query, head->query, &x->query, &err);
	if (r < 0) {
		reply_err(x, &err);
		return r;
	}
	if ((e->scope == FOR_ADMINS && !identity_is_admin(&x->identity)) ||
		(e->scope == FOR_APP && !identity_may(&x->identity, exchange_app(x)))) {
		/* The same words whether there is such an app or not. */
		reply_error(x, REPLY_FORBIDDEN, "ask for a token with a wider scope",
			"this token is for '%s' only", x->identity.scope);
		return -EACCES;
	}
	return 0;
}

static bool is_json_type(struct str type)
{
	const char *semicolon = memchr(type.p, ';', type.len);
	if (semicolon)
		type.len = (size_t)(semicolon - type.p);
	return str_ieq(str_trim(type), STR("application/json"));
}

static int check_body(struct exchange *x, const struct http_head *head)
{
	bool has_body = head->framing == HTTP_BODY_CHUNKED ||
			(head->framing == HTTP_BODY_LENGTH && head->content_length > 0);
	struct str encoding = field_value(head, "content-encoding");
	struct str type = field_value(head, "content-type");

	x->is_gzip = str_ieq(encoding, STR("gzip")) || str_ieq(encoding, STR("x-gzip"));
	if (x->endpoint->body == BODY_STREAM) {
		if (encoding.len == 0 || x->is_gzip)
			return 0;
	} else if (!has_body) {
		return 0;
	} else if (x->endpoint->body == BODY_NONE) {
		reply_error(x, REPLY_BAD_REQUEST, NULL, "this request takes no body");
		return -EINVAL;
	} else if (head->framing == HTTP_BODY_LENGTH && head->content_length > EXCHANGE_BODY_MAX) {
		reply_error(x, REPLY_TOO_LARGE, NULL, "the request body has more than %u bytes",
			EXCHANGE_BODY_MAX);
		return -EFBIG;
	} else if (encoding.len == 0 && is_json_type(type)) {
		return 0;
	}
	reply_error(x, REPLY_UNSUPPORTED_TYPE, "send it as Content-Type: application/json",
		"the request body is of a type that is not taken here");
	return -EINVAL;
}

static void set_framing(struct conn *c, const struct http_head *head)
{
	c->framing = head->framing;
	c->body_left = head->framing == HTTP_BODY_LENGTH ? head->content_length : 0;
	c->body_done = head->framing != HTTP_BODY_CHUNKED && c->body_left == 0;
	http_chunked_init(&c->chunked);
}

/* The body is whole: what it means for each kind. */
static void on_body_end(struct conn *c)
{
	struct exchange *x = &c->x;
	struct err err;

	c->body_done = true;
	if (c->state == CONN_BODY)
		c->state = CONN_ANSWER;
	if (x->endpoint->body == BODY_STREAM) {
		if (x->on_body)
			x->on_body(x, NULL, 0);
		return;
	}
	if (x->endpoint->body == BODY_JSON) {
		if (buf_len(&c->body) == 0) {
			x->body = json_object();
		} else if (json_parse_object("the request body", buf_data(&c->body),
				   buf_len(&c->body), &x->body, &err) < 0) {
			reply_err(x, &err);
			return;
		}
		buf_free(&c->body);
	}
	x->endpoint->handle(x);
}

static void on_head(struct conn *c, const struct http_head *head)
{
	struct exchange *x = &c->x;

	begin_exchange(c);
	c->keep_alive = head->keep_alive;
	c->is_old = head->minor == 0;
	set_framing(c, head);
	if (identify(c, head) < 0 || find_endpoint(x, head) < 0 || read_target(x, head) < 0 ||
		check_body(x, head) < 0)
		return;
	if (head->expect_continue && !c->body_done && !c->is_old)
		conn_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	if (!c->body_done)
		c->state = CONN_BODY;
	if (x->endpoint->body == BODY_STREAM)
		x->endpoint->handle(x);
	if (c->body_done && !c->answer_done)
		on_body_end(c);
}

bool receive_head(struct conn *c)
{
	struct http_head head;
	const char *why = "";

	if (buf_len(&c->in) == 0)
		return false;
	ssize_t n = http_parse_request(buf_data(&c->in), buf_len(&c->in), &head, &why);
	if (n == 0)
		return false;
	if (n < 0) {
		refuse_head(c, (unsigned)-n, why);
		return false;
	}
	/* The views of the head end with this call; the bytes behind it stay where they are. */
	on_head(c, &head);
	buf_consume(&c->in, (size_t)n);
	return true;
}

static void take_body(struct conn *c, const char *data, size_t len)
{
	if (len == 0)
		return;
	if (c->x.endpoint->body == BODY_STREAM) {
		if (c->x.on_body)
			c->x.on_body(&c->x, data, len);
	} else if (buf_append(&c->body, data, len) < 0) {
		reply_error(&c->x, REPLY_TOO_LARGE, NULL, "the request body has more than %u bytes",
			EXCHANGE_BODY_MAX);
	}
}

/* Bytes of `in` that are body; *ret_done: the body ends behind them. -EINVAL: bad chunks. */
static int decode_body(struct conn *c, size_t *ret_consumed, size_t *ret_len, bool *ret_done)
{
	size_t there = buf_len(&c->in);

	if (c->framing == HTTP_BODY_CHUNKED) {
		enum http_chunked_result r = http_chunked_decode(
			&c->chunked, buf_data(&c->in), there, ret_consumed, ret_len);
		*ret_done = r == HTTP_CHUNKED_DONE;
		return r == HTTP_CHUNKED_BAD ? -EINVAL : 0;
	}
	*ret_len = *ret_consumed = there < c->body_left ? there : (size_t)c->body_left;
	c->body_left -= *ret_len;
	*ret_done = c->body_left == 0;
	return 0;
}

bool receive_body(struct conn *c)
{
	size_t consumed, len;
	bool done;

	if (buf_len(&c->in) == 0)
		return false;
	if (decode_body(c, &consumed, &len, &done) < 0) {
		if (c->x.is_started)
			conn_drop(c);
		else
			reply_error(&c->x, REPLY_BAD_REQUEST, NULL,
				"the request body's chunks are broken");
		return false;
	}
	take_body(c, buf_data(&c->in), len);
	buf_consume(&c->in, consumed);
	if (done && c->state == CONN_BODY)
		on_body_end(c);
	return true;
}
