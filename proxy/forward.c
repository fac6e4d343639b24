/* SPDX-License-Identifier: Apache-2.0
 *
 * A request to an instance and its response back. An attempt that cannot have been seen by the app,
 * or may be seen twice, is repeated elsewhere as long as no byte of a response has come.
 */
#include "proxy/forward.h"

#include <errno.h>

#include "lib/http/chunked.h"
#include "lib/http/writer.h"
#include "proxy/policy.h"

#define REQUEST_HEAD_MAX (HTTP_HEAD_BYTES_MAX + HTTP_TARGET_BYTES_MAX + 4096)
#define ATTEMPTS_MAX 3
#define LOST_MAX 1 /* new connections that closed instead of answering */
#define INTERIM_MAX 64 /* 1xx responses that are dropped before one gives up */
#define BODY_PENDING_MAX (4u * WORKER_READ_BYTES) /* while there is no connection yet */
#define DOWN_SECONDS 1.0
/* An app may close an idle connection at any time. A request that must not be sent twice only
 * takes one that was busy a moment ago. */
#define FRESH_MS 500
/* How often held requests look for an instance, and how many a worker holds. */
#define HOLD_LOOK_MS 50
#define HOLD_MAX 1024

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
	uint32_t upstream_index;
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

static const struct upstream_events events;
static const struct exchange_source source;

static void attempt(struct forward *f);

static struct ev_loop *loop_of(const struct forward *f)
{
	return f->exchange->worker->loop;
}

/* Sets the time to the next thing that must happen. */
static void wait_ms(struct forward *f, uint64_t ms)
{
	deadline_set(&f->exchange->deadline, loop_of(f), ms);
}

/* The response's clock runs when the app has the whole request. */
static void wait_for_response(struct forward *f)
{
	if (f->state == WAITING)
		wait_ms(f, f->exchange->request_done ? f->timeout_ms : 0);
}

static void detach(struct forward *f, bool reusable)
{
	if (f->instance)
		f->instance->outstanding--;
	f->instance = NULL;
	if (!f->upstream)
		return;
	if (reusable)
		upstream_give_back(f->upstream);
	else
		upstream_close(f->upstream);
	f->upstream = NULL;
}

static void end_hold(struct forward *f)
{
	if (f->state != HOLDING)
		return;
	f->exchange->worker->held--;
	f->state = CONNECTING;
}

static void destroy(struct corpse *c)
{
	free(container_of(c, struct forward, corpse));
}

static void release(struct exchange *x)
{
	struct forward *f = x->state;

	end_hold(f);
	f->state = DONE;
	detach(f, false);
	buf_free(&f->head);
	buf_free(&f->body);
	x->state = NULL;
	worker_bury(x->worker, &f->corpse, destroy);
}

/* Sends the head and what there is of the body on a connection that is ready. */
static int send_request(struct forward *f)
{
	const struct iovec iov[] = {
		{buf_data(&f->head), f->head_sent ? 0 : buf_len(&f->head)},
		{buf_data(&f->body), buf_len(&f->body)},
	};

	if (iov[0].iov_len + iov[1].iov_len == 0)
		return 0;
	int r = upstream_send(f->upstream, iov, 2);
	if (r < 0)
		return r;
	f->head_sent = true;
	buf_free(&f->body);
	return 0;
}

/* This attempt failed before a byte of a response. `sent`: the app may have seen the request. */
static void attempt_again(struct forward *f, bool sent, bool was_reused, unsigned status)
{
	detach(f, false);
	bool may = sent ? f->replayable : f->attempts < ATTEMPTS_MAX;
	/* A connection that waited in the pool was closed by the app's idle timer: no failure. On a
	 * new one the app may have died of this request: once more, not over and over. */
	if (sent && !was_reused && ++f->lost > LOST_MAX)
		may = false;
	if (may) {
		f->state = CONNECTING;
		f->head_sent = false;
		attempt(f);
		return;
	}
	exchange_fail(f->exchange, status);
}

static void on_request_broken(struct forward *f, int error)
{
	/* The app closed its side. Its answer may be on the way (413, 401): the reading side
	 * decides; without one it fails there. */
	(void)error;
	f->body_broken = true;
	buf_free(&f->body);
}

static void on_connected(void *owner)
{
	struct forward *f = owner;

	f->state = WAITING;
	wait_for_response(f);
	int r = send_request(f);
	if (r < 0) {
		on_request_broken(f, r);
		return;
	}
	if (!f->exchange->request_done)
		f->exchange->client->resume_body(f->exchange);
}

static void mark_down(struct instance *i)
{
	i->down_until = ev_now(i->worker->loop) + DOWN_SECONDS;
}

/* All instances refuse connections, as they do while an app restarts: the request waits a little.
 * Nothing of it has been sent. */
static void hold(struct forward *f)
{
	struct worker *w = f->exchange->worker;
	double now = ev_now(w->loop);

	if (f->hold_until == 0)
		f->hold_until = now + (double)w->config->timeouts.hold / 1000;
	if (now >= f->hold_until || f->lost > 0 || w->held >= HOLD_MAX) {
		exchange_fail(f->exchange, 503);
		return;
	}
	w->held++;
	f->state = HOLDING;
	f->attempts = 0;
	wait_ms(f, HOLD_LOOK_MS);
}

/* A fresh connection; instances that refuse are passed over. */
static void connect_fresh(struct forward *f)
{
	struct exchange *x = f->exchange;
	const struct instance *avoid = NULL;

	while (f->attempts < ATTEMPTS_MAX) {
		struct instance *i = view_pick(x->view, f->upstream_index, avoid);
		if (!i || i == avoid)
			break;
		f->attempts++;
		if (upstream_connect(i, &f->upstream) < 0) {
			mark_down(i);
			avoid = i;
			continue;
		}
		i->outstanding++;
		f->instance = i;
		upstream_own(f->upstream, &events, f);
		if (f->upstream->connecting)
			wait_ms(f, x->worker->config->timeouts.connect);
		else
			f->state = WAITING;
		return;
	}
	if (view_pick(x->view, f->upstream_index, NULL))
		hold(f);
	else
		exchange_fail(x, 503);
}

/* The first attempt: a connection from the pool, else a new one. Does not send yet. */
static void find_connection(struct forward *f)
{
	struct exchange *x = f->exchange;
	struct instance *i = view_pick(x->view, f->upstream_index, NULL);

	f->upstream = i ? upstream_take(i, f->replayable ? 0 : FRESH_MS) : NULL;
	if (!f->upstream) {
		connect_fresh(f);
		return;
	}
	i->outstanding++;
	f->instance = i;
	upstream_own(f->upstream, &events, f);
	f->state = WAITING;
}

/* A further attempt: what has come of the request goes out at once. */
static void attempt(struct forward *f)
{
	connect_fresh(f);
	if (f->state == WAITING && f->exchange->active)
		on_connected(f);
}

/* The response is complete. */
static void finish(struct forward *f, bool reusable)
{
	struct exchange *x = f->exchange;

	f->state = DONE;
	detach(f, reusable && f->keep_alive && x->request_done && buf_len(&f->body) == 0);
	exchange_end(x);
}

static void on_failed(void *owner, int error)
{
	struct forward *f = owner;
	struct exchange *x = f->exchange;

	switch (f->state) {
	case CONNECTING:
		mark_down(f->instance);
		detach(f, false);
		attempt(f);
		break;
	case WAITING:
		/* Part of a head came: that was an answer, if a broken one. */
		if (buf_len(&f->upstream->in) > 0 || f->interim > 0)
			exchange_fail(x, 502);
		else
			attempt_again(f, true, f->upstream->is_reused, 502);
		break;
	case READING:
		if (f->tunnel || (f->framing == HTTP_BODY_UNTIL_CLOSE && error == 0))
			finish(f, false);
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
		end_hold(f);
		attempt(f);
		return;
	}
	if (f->state == CONNECTING) {
		mark_down(f->instance);
		attempt_again(f, false, false, 504);
		return;
	}
	exchange_fail(x, 504);
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
		wait_ms(f, flows ? x->worker->config->timeouts.stream : 0);
	return true;
}

static size_t on_body_length(struct forward *f, char *data, size_t len)
{
	size_t n = len < f->left ? len : (size_t)f->left;

	f->left -= n;
	if (!pass_on(f, data, n, f->left == 0))
		return len;
	if (f->left == 0) {
		finish(f, n == len);
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
		finish(f, consumed == len);
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
	wait_ms(f, f->timeless ? 0 : x->worker->config->timeouts.stream);
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

static size_t on_data(void *owner, char *data, size_t len)
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
		finish(f, at == len);
		return len;
	}
	at += on_body_bytes(f, data + at, len - at);
	/* What has come goes out now: nobody knows when more follows. */
	if (f->state == READING)
		exchange_flush(f->exchange);
	return at;
}

static void on_drained(void *owner)
{
	struct forward *f = owner;

	if (f->state == DONE)
		return;
	wait_for_response(f);
	if (!f->exchange->request_done || f->tunnel)
		f->exchange->client->resume_body(f->exchange);
}

static const struct upstream_events events = {
	.on_connected = on_connected,
	.on_failed = on_failed,
	.on_data = on_data,
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
		int r = send_request(f);
		if (r < 0)
			on_request_broken(f, r);
	}
	if (f->body_broken || !is_congested(f))
		return true;
	/* An app that takes none of it has the same time as one that does not answer. */
	if (f->state == WAITING)
		wait_ms(f, f->timeout_ms);
	return false;
}

static void on_body_end(struct exchange *x)
{
	struct forward *f = x->state;

	if (f->chunked_request && !f->body_broken && buf_puts(&f->body, HTTP_CHUNK_LAST) < 0) {
		exchange_fail(x, 502);
		return;
	}
	wait_for_response(f);
}

static void on_request_flush(struct exchange *x)
{
	struct forward *f = x->state;

	if (f->state <= CONNECTING || f->state == DONE || f->body_broken)
		return;
	int r = send_request(f);
	if (r == 0)
		return;
	if (f->head_sent || !f->upstream->is_reused)
		on_request_broken(f, r);
	else
		/* Not a byte went out: the app had closed the connection. */
		attempt_again(f, false, true, 502);
}

static void on_resume(struct exchange *x)
{
	struct forward *f = x->state;

	if (f->state != READING)
		return;
	if (!f->timeless)
		wait_ms(f, x->worker->config->timeouts.stream);
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
	const struct table_site *site = table_site(x->view->table, x->site);

	x->source = &source;
	x->state = f;
	x->on_deadline = on_deadline;
	f->upstream_index = site->upstreams[route - x->site->routes];
	(void)buf_reserve(&f->head, 1024);
	if (policy_write_request(&f->head, request->head, &client, f->upgrade) < 0) {
		exchange_fail(x, 431);
		return;
	}
	find_connection(f);
	if (f->state == WAITING)
		wait_for_response(f);
}
