/* SPDX-License-Identifier: Apache-2.0
 *
 * A request to an instance and its response back: the request's side, and what happens when the
 * connection or the clock fails.
 */
#include "proxy/forward.h"

#include <errno.h>

#include "lib/http/writer.h"
#include "proxy/forward_parts.h"
#include "proxy/policy.h"

#define REQUEST_HEAD_MAX (HTTP_HEAD_BYTES_MAX + HTTP_TARGET_BYTES_MAX + 4096)
#define BODY_PENDING_MAX (4u * WORKER_READ_BYTES) /* while there is no connection yet */

static struct ev_loop *loop_of(const struct forward *f)
{
	return f->exchange->worker->loop;
}

void forward_wait_ms(struct forward *f, uint64_t ms)
{
	deadline_set(&f->exchange->deadline, loop_of(f), ms);
}

void forward_wait_for_response(struct forward *f)
{
	if (f->state == WAITING)
		forward_wait_ms(f, f->exchange->request_done ? f->timeout_ms : 0);
}

static void destroy(struct corpse *c)
{
	free(container_of(c, struct forward, corpse));
}

static void release(struct exchange *x)
{
	struct forward *f = x->state;

	forward_end_hold(f);
	f->state = DONE;
	forward_detach(f, false);
	buf_free(&f->head);
	buf_free(&f->body);
	x->state = NULL;
	worker_bury(x->worker, &f->corpse, destroy);
}

static void on_failed(void *owner, int error)
{
	struct forward *f = owner;
	struct exchange *x = f->exchange;

	switch (f->state) {
	case CONNECTING:
		forward_mark_down(f->instance);
		forward_detach(f, false);
		forward_attempt(f);
		break;
	case WAITING:
		/* Part of a head came: that was an answer, if a broken one. */
		if (buf_len(&f->upstream->in) > 0 || f->interim > 0)
			exchange_fail(x, 502);
		else
			forward_attempt_again(f, true, f->upstream->is_reused, 502);
		break;
	case READING:
		if (f->tunnel || (f->framing == HTTP_BODY_UNTIL_CLOSE && error == 0))
			forward_finish(f, false);
		else
			exchange_fail(x, 502);
		break;
	case HOLDING:
	case DONE:
		break;
	}
}

static void on_deadline(struct exchange *x)
{
	struct forward *f = x->state;

	if (f->state == HOLDING) {
		const struct route *route = exchange_reroute(x, f->route);
		if (route)
			f->route = route;
		forward_end_hold(f);
		forward_attempt(f);
		return;
	}
	if (f->state == CONNECTING) {
		forward_mark_down(f->instance);
		forward_attempt_again(f, false, false, 504);
		return;
	}
	exchange_fail(x, 504);
}

static void on_drained(void *owner)
{
	struct forward *f = owner;

	if (f->state == DONE)
		return;
	forward_wait_for_response(f);
	if (!f->exchange->request_done || f->tunnel)
		f->exchange->client->resume_body(f->exchange);
}

const struct upstream_events forward_events = {
	.on_connected = forward_on_connected,
	.on_failed = on_failed,
	.on_data = forward_on_data,
	.on_drained = on_drained,
};

/* Body of the request, framed as it goes to the app. */
static int queue_body(struct forward *f, const void *data, size_t len)
{
	char frame[HTTP_CHUNK_HEAD_MAX];

	if (!f->chunked_request || f->tunnel)
		return buf_append(&f->body, data, len);
	size_t n = http_format_chunk_head(frame, len);
	int r = buf_append(&f->body, frame, n);
	r = r ? r : buf_append(&f->body, data, len);
	return r ? r : buf_puts(&f->body, HTTP_CHUNK_END);
}

static bool is_congested(const struct forward *f)
{
	if (!f->upstream || f->state <= CONNECTING)
		return buf_len(&f->body) >= BODY_PENDING_MAX / 2;
	return buf_len(&f->upstream->out) > 0;
}

static bool on_body(struct exchange *x, const void *data, size_t len)
{
	struct forward *f = x->state;

	if (f->body_broken || len == 0)
		return true;
	if (queue_body(f, data, len) < 0) {
		exchange_fail(x, 502);
		return true;
	}
	if (f->state <= CONNECTING)
		return !is_congested(f);
	/* A small piece waits for the end of the round, so that it travels with the head. */
	if (buf_len(&f->body) >= WORKER_READ_BYTES / 2) {
		int r = forward_send_request(f);
		if (r < 0)
			forward_on_request_broken(f);
	}
	if (f->body_broken || !is_congested(f))
		return true;
	/* An app that takes none of it has the same time as one that does not answer. */
	if (f->state == WAITING)
		forward_wait_ms(f, f->timeout_ms);
	return false;
}

static void on_body_end(struct exchange *x)
{
	struct forward *f = x->state;

	if (f->chunked_request && !f->body_broken && buf_puts(&f->body, HTTP_CHUNK_LAST) < 0) {
		exchange_fail(x, 502);
		return;
	}
	forward_wait_for_response(f);
}

static void on_request_flush(struct exchange *x)
{
	struct forward *f = x->state;

	if (f->state <= CONNECTING || f->state == DONE || f->body_broken)
		return;
	int r = forward_send_request(f);
	if (r == 0)
		return;
	if (f->head_sent || !f->upstream->is_reused)
		forward_on_request_broken(f);
	else
		/* Not a byte went out: the app had closed the connection. */
		forward_attempt_again(f, false, true, 502);
}

static void on_resume(struct exchange *x)
{
	struct forward *f = x->state;

	if (f->state != READING)
		return;
	if (!f->timeless)
		forward_wait_ms(f, x->worker->config->timeouts.stream);
	upstream_pause(f->upstream, false);
}

static const struct exchange_source source = {
	.on_body = on_body,
	.on_body_end = on_body_end,
	.on_request_flush = on_request_flush,
	.on_resume = on_resume,
	.release = release,
};

static struct forward *forward_new(struct exchange *x, const struct exchange_request *request)
{
	struct forward *f = xnew(struct forward);
	const struct http_head *head = request->head;

	f->exchange = x;
	f->state = CONNECTING;
	f->head = BUF_INIT(REQUEST_HEAD_MAX);
	f->body = BUF_INIT(BODY_PENDING_MAX);
	/* The method decides the framing of the response; only HEAD is special, and it is short. */
	if (str_copy(f->method_text, sizeof f->method_text, head->method) < 0)
		f->method_text[0] = '\0';
	f->method = str_from(f->method_text);
	f->replayable = policy_is_replayable(head);
	f->chunked_request = head->framing == HTTP_BODY_CHUNKED;
	f->upgrade = policy_allows_upgrade(head);
	f->timeout_ms =
		x->site->timeout_ms ? x->site->timeout_ms : x->worker->config->timeouts.upstream;
	return f;
}

void forward_begin(
	struct exchange *x, const struct exchange_request *request, const struct route *route)
{
	const struct policy_client client = {request->peer, request->secure};
	struct forward *f = forward_new(x, request);

	x->source = &source;
	x->state = f;
	x->on_deadline = on_deadline;
	f->route = route;
	(void)buf_reserve(&f->head, 1024);
	if (policy_write_request(&f->head, request->head, &client, f->upgrade) < 0) {
		exchange_fail(x, 431);
		return;
	}
	forward_find_connection(f);
	if (f->state == WAITING)
		forward_wait_for_response(f);
}
