/* SPDX-License-Identifier: Apache-2.0
 *
 * The response: heads and bodies from the app to the exchange.
 */
#include <errno.h>

#include "proxy/forward_parts.h"
#include "proxy/policy.h"

#define INTERIM_MAX 64 /* 1xx responses that are dropped before one gives up */

void forward_finish(struct forward *f, bool reusable)
{
	struct exchange *x = f->exchange;

	f->state = DONE;
	forward_detach(f, reusable && f->keep_alive && x->request_done && buf_len(&f->body) == 0);
	exchange_end(x);
}

/* Body bytes to the client; false when there is nothing more to do with this connection now. */
static bool pass_on(struct forward *f, const char *data, size_t len, bool last)
{
	struct exchange *x = f->exchange;

	if (len == 0)
		return true;
	bool flows = exchange_send(x, data, len, last);
	if (f->state == DONE)
		return false;
	if (!flows)
		upstream_pause(f->upstream, true);
	if (!f->timeless)
		forward_wait_ms(f, flows ? x->worker->config->timeouts.stream : 0);
	return true;
}

static size_t on_body_length(struct forward *f, char *data, size_t len)
{
	size_t n = len < f->left ? len : (size_t)f->left;

	f->left -= n;
	if (!pass_on(f, data, n, f->left == 0))
		return len;
	if (f->left == 0) {
		forward_finish(f, n == len);
		return len;
	}
	return n;
}

static size_t on_body_chunked(struct forward *f, char *data, size_t len)
{
	size_t consumed, body;
	enum http_chunked_result r = http_chunked_decode(&f->chunks, data, len, &consumed, &body);

	if (!pass_on(f, data, body, r == HTTP_CHUNKED_DONE))
		return len;
	if (r == HTTP_CHUNKED_BAD)
		exchange_fail(f->exchange, 502);
	else if (r == HTTP_CHUNKED_DONE)
		forward_finish(f, consumed == len);
	return len;
}

static size_t on_body_bytes(struct forward *f, char *data, size_t len)
{
	if (len == 0)
		return 0;
	if (f->framing == HTTP_BODY_LENGTH)
		return on_body_length(f, data, len);
	if (f->framing == HTTP_BODY_CHUNKED)
		return on_body_chunked(f, data, len);
	(void)pass_on(f, data, len, false);
	return len;
}

/* Content-Length as the app gave it for a response without a body. */
static void read_length(const struct http_head *head, struct response_head *ret)
{
	ret->has_length = head->framing == HTTP_BODY_LENGTH || head->content_length > 0 ||
			  http_find(head, "content-length") != NULL;
	ret->length = head->content_length;
	if (head->status == 204)
		ret->has_length = false;
}

static bool is_event_stream(const struct http_head *head)
{
	const struct http_field *type = http_find(head, "content-type");
	struct str wanted = STR("text/event-stream");

	return type && type->value.len >= wanted.len &&
	       str_ieq((struct str){type->value.p, wanted.len}, wanted);
}

/* The final head of the response. */
static void on_final_head(struct forward *f, struct http_head *head)
{
	struct exchange *x = f->exchange;
	struct response_head out = {.status = head->status, .reason = head->reason};

	f->state = READING;
	f->framing = head->framing;
	f->left = head->content_length;
	f->keep_alive = head->keep_alive;
	f->tunnel = head->status == 101;
	f->timeless = f->tunnel || !*x->site->app || is_event_stream(head);
	http_chunked_init(&f->chunks);
	read_length(head, &out);
	if (f->tunnel) {
		f->framing = HTTP_BODY_UNTIL_CLOSE;
		x->body_left = UINT64_MAX;
		out.body = RESPONSE_TUNNEL;
		out.has_length = false;
	} else if (head->framing == HTTP_BODY_NONE) {
		out.body = RESPONSE_NO_BODY;
	} else {
		out.body = head->framing == HTTP_BODY_LENGTH ? RESPONSE_LENGTH : RESPONSE_STREAM;
	}
	policy_filter_response(head, f->tunnel);
	out.fields = head->fields;
	out.field_count = head->field_count;
	buf_free(&f->head);
	forward_wait_ms(f, f->timeless ? 0 : x->worker->config->timeouts.stream);
	exchange_respond(x, &out);
}

/* One head, interim or final; its length, 0 for more bytes, or -1 when the exchange is over. */
static ssize_t on_head_bytes(struct forward *f, char *data, size_t len)
{
	struct http_head head;
	const char *why;
	ssize_t n = http_parse_response(data, len, f->method, &head, &why);

	if (n == 0)
		return 0;
	bool wanted_tunnel = n > 0 && head.status == 101 && f->upgrade;
	if (n < 0 || (head.status == 101 && !wanted_tunnel) ||
		(head.status < 200 && !wanted_tunnel && ++f->interim > INTERIM_MAX)) {
		exchange_fail(f->exchange, 502);
		return -1;
	}
	if (head.status < 200 && !wanted_tunnel)
		return n;
	on_final_head(f, &head);
	return f->state == DONE ? -1 : n;
}

size_t forward_on_data(void *owner, char *data, size_t len)
{
	struct forward *f = owner;
	size_t at = 0;

	if (f->state == DONE)
		return len;
	while (f->state == WAITING && at < len) {
		ssize_t n = on_head_bytes(f, data + at, len - at);
		if (n < 0)
			return len;
		if (n == 0)
			return at;
		at += (size_t)n;
	}
	if (f->state != READING)
		return at;
	bool ended =
		f->framing == HTTP_BODY_NONE || (f->framing == HTTP_BODY_LENGTH && f->left == 0);
	if (ended) {
		forward_finish(f, at == len);
		return len;
	}
	at += on_body_bytes(f, data + at, len - at);
	/* What has come goes out now: nobody knows when more follows. */
	if (f->state == READING)
		exchange_flush(f->exchange);
	return at;
}
