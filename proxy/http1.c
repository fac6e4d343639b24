/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 towards the client: heads and bodies in, responses out, one exchange at a time;
 * pipelined requests wait in the connection's buffer.
 */
#include "proxy/http1.h"

#include <errno.h>

#include "lib/http/chunked.h"
#include "lib/http/writer.h"
#include "proxy/exchange.h"
#include "proxy/pages.h"

#define DRAIN_NEW_MS 1000
#define RESPONSE_HEAD_MAX (2u * HTTP_HEAD_BYTES_MAX)

enum http1_state {
	READING_HEAD,
	READING_BODY,
	WAITING, /* the request is complete, its response is not */
	TUNNEL,
};

struct http1 {
	struct corpse corpse;
	struct conn *conn;
	struct exchange exchange;
	enum http1_state state;
	enum http_framing framing; /* of the request */
	uint64_t left;
	struct http_chunked chunks;
	struct buf head; /* of the response, until it travels with what follows */
	unsigned minor;
	bool keep_alive, chunked_response, last_sent;
	bool head_begun; /* bytes of a head are there: its clock runs */
	bool paused; /* the exchange takes no body now */
	bool in_data; /* on_data() is on the stack and goes on by itself */
	bool served, draining;
};

static struct http1 *session_of(const struct conn *c)
{
	return c->session;
}

static struct http1 *http1_of(struct exchange *x)
{
	return container_of(x, struct http1, exchange);
}

static const struct timeouts *timeouts_of(const struct conn *c)
{
	return &c->worker->config->timeouts;
}

static void set_deadline(struct conn *c, uint64_t ms)
{
	/* While something is queued the connection watches the progress of sending. */
	if (!conn_is_congested(c))
		deadline_set(&c->deadline, c->worker->loop, ms);
}

/* The response is out: on to the next request, or the end. */
static void on_response_end(struct http1 *h)
{
	struct conn *c = h->conn;

	if (c->state != CONN_OPEN)
		return;
	if (h->state != WAITING || !h->keep_alive) {
		conn_finish(c, h->state == READING_BODY || buf_len(&c->in) > 0);
		return;
	}
	h->state = READING_HEAD;
	h->head_begun = false;
	h->served = true;
	buf_free(&h->head);
	set_deadline(c, timeouts_of(c)->idle);
	if (!h->in_data)
		conn_resume(c);
}

static int write_framing(struct http1 *h, const struct response_head *head)
{
	if (head->has_length)
		return http_write_field_number(&h->head, STR("Content-Length"), head->length);
	if (h->chunked_response)
		return http_write_field(&h->head, STR("Transfer-Encoding"), STR("chunked"));
	return 0;
}

static int write_connection(struct http1 *h, const struct response_head *head)
{
	if (head->body == RESPONSE_TUNNEL)
		return 0;
	if (!h->keep_alive)
		return http_write_field(&h->head, STR("Connection"), STR("close"));
	if (h->minor == 0)
		return http_write_field(&h->head, STR("Connection"), STR("keep-alive"));
	return 0;
}

static int write_head(struct http1 *h, const struct response_head *head)
{
	bool has_date = false;

	(void)buf_reserve(&h->head, 1024);
	int r = http_write_status_line(&h->head, head->status, head->reason);
	for (size_t i = 0; !r && i < head->field_count; i++) {
		has_date = has_date || str_ieq(head->fields[i].name, STR("date"));
		r = http_write_field(&h->head, head->fields[i].name, head->fields[i].value);
	}
	if (!has_date)
		r = r ? r : http_write_field(&h->head, STR("Date"), worker_date(h->conn->worker));
	r = r ? r : write_framing(h, head);
	r = r ? r : write_connection(h, head);
	return r ? r : http_write_end(&h->head);
}

static void send_head(struct exchange *x, const struct response_head *head)
{
	struct http1 *h = http1_of(x);

	/* A request that is not whole yet may never be: the connection ends with its answer. */
	if (h->state == READING_BODY)
		h->keep_alive = false;
	h->chunked_response = head->body == RESPONSE_STREAM && h->minor >= 1;
	h->last_sent = false;
	if (head->body == RESPONSE_STREAM && !h->chunked_response)
		h->keep_alive = false;
	if (write_head(h, head) < 0) {
		conn_abort(h->conn);
		return;
	}
	if (head->body == RESPONSE_TUNNEL)
		h->state = TUNNEL;
}

static bool send_pieces(struct http1 *h, struct iovec *iov, int n)
{
	struct conn *c = h->conn;
	/* The head goes first, and its buffer goes with it. */
	struct buf head = h->head;

	h->head = BUF_INIT(RESPONSE_HEAD_MAX);
	iov[0] = (struct iovec){buf_data(&head), buf_len(&head)};
	int r = conn_send(c, iov, n);
	buf_free(&head);
	return r == 0 && !conn_is_congested(c);
}

static bool send_body(struct exchange *x, const void *data, size_t len, bool last)
{
	struct http1 *h = http1_of(x);
	char frame[HTTP_CHUNK_HEAD_MAX];
	struct iovec iov[4] = {{0}, {(void *)(uintptr_t)data, len}};

	if (!h->chunked_response)
		return send_pieces(h, iov, 2);
	iov[2] = iov[1];
	iov[1] = (struct iovec){frame, http_format_chunk_head(frame, len)};
	/* The end of this chunk and the last chunk are neighbours. */
	static const char ends[] = HTTP_CHUNK_END HTTP_CHUNK_LAST;
	iov[3] = (struct iovec){
		(void *)(uintptr_t)ends, last ? sizeof ends - 1 : sizeof HTTP_CHUNK_END - 1};
	h->last_sent = last;
	return send_pieces(h, iov, 4);
}

static void flush(struct exchange *x)
{
	struct http1 *h = http1_of(x);
	struct conn *c = h->conn;
	struct iovec iov[1];

	if (buf_len(&h->head) > 0)
		(void)send_pieces(h, iov, 1);
	/* Bytes of the tunnel may have come before it was open. */
	if (c->state == CONN_OPEN && h->state == TUNNEL && !h->in_data && buf_len(&c->in) > 0)
		conn_resume(c);
}

static ssize_t send_file(struct exchange *x, int fd, uint64_t offset, size_t n)
{
	struct http1 *h = http1_of(x);
	struct conn *c = h->conn;

	flush(x);
	if (c->state != CONN_OPEN)
		return -EPIPE;
	return conn_is_congested(c) ? -EAGAIN : conn_sendfile(c, fd, offset, n);
}

static void send_end(struct exchange *x)
{
	struct http1 *h = http1_of(x);
	static const char last[] = HTTP_CHUNK_LAST;
	struct iovec iov[2] = {{0}, {(void *)(uintptr_t)last, sizeof last - 1}};

	if (h->chunked_response && !h->last_sent)
		(void)send_pieces(h, iov, 2);
	else if (buf_len(&h->head) > 0)
		(void)send_pieces(h, iov, 1);
	on_response_end(h);
}

static void abort_response(struct exchange *x)
{
	struct http1 *h = http1_of(x);

	/* Where the close itself would look like the end, only a reset tells the truth. */
	if (h->chunked_response || h->conn->secure || h->minor >= 1)
		conn_close(h->conn);
	else
		conn_abort(h->conn);
}

static void resume_body(struct exchange *x)
{
	struct http1 *h = http1_of(x);

	if (!h->paused)
		return;
	h->paused = false;
	if (!h->in_data)
		conn_resume(h->conn);
}

static const struct exchange_client client = {
	.send_head = send_head,
	.send_body = send_body,
	.flush = flush,
	.send_file = send_file,
	.send_end = send_end,
	.abort = abort_response,
	.resume_body = resume_body,
};

/* The head cannot be read: there is no exchange to answer it. */
static void refuse(struct http1 *h, unsigned status)
{
	char text[PAGE_BYTES_MAX];
	size_t len = page_write(status, text);
	const struct http_field fields[] = {{STR("Content-Type"), STR("text/html; charset=utf-8")}};
	const struct response_head head = {
		.status = status,
		.fields = fields,
		.field_count = 1,
		.body = RESPONSE_LENGTH,
		.has_length = true,
		.length = len,
	};
	struct iovec iov[2] = {{0}, {text, len}};

	h->keep_alive = false;
	h->minor = 1;
	if (write_head(h, &head) < 0) {
		conn_abort(h->conn);
		return;
	}
	(void)send_pieces(h, iov, 2);
	conn_finish(h->conn, true);
}

static void end_request(struct http1 *h)
{
	h->state = WAITING;
	set_deadline(h->conn, 0);
	exchange_body_end(&h->exchange);
}

static void send_continue(struct http1 *h)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct iovec iov = {(void *)(uintptr_t)text, sizeof text - 1};

	(void)conn_send(h->conn, &iov, 1);
}

static void begin_request(struct http1 *h, const struct http_head *head, bool body_follows)
{
	struct conn *c = h->conn;
	const struct exchange_request request = {
		.head = head, .peer = c->peer, .secure = c->secure, .stream = &c->stream};

	h->minor = head->minor;
	h->keep_alive = head->keep_alive && !h->draining;
	h->framing = head->framing;
	h->left = head->content_length;
	h->paused = false;
	bool has_body = head->framing == HTTP_BODY_CHUNKED ||
			(head->framing == HTTP_BODY_LENGTH && head->content_length > 0);
	h->state = has_body ? READING_BODY : WAITING;
	http_chunked_init(&h->chunks);
	set_deadline(c, has_body ? timeouts_of(c)->body : 0);
	exchange_begin(&h->exchange, &request);
	if (!h->exchange.active)
		return;
	if (!has_body)
		exchange_body_end(&h->exchange);
	else if (head->expect_continue && !body_follows && !h->exchange.responded)
		send_continue(h);
}

/* A head, if it is whole: how many bytes it took; the connection may be finishing behind it. */
static size_t on_head_bytes(struct http1 *h, const char *data, size_t len)
{
	struct http_head head;
	const char *why;
	ssize_t n = http_parse_request(data, len, &head, &why);

	if (n < 0) {
		refuse(h, (unsigned)-n);
		return len;
	}
	if (n == 0) {
		if (!h->head_begun && h->served)
			set_deadline(h->conn, timeouts_of(h->conn)->header);
		h->head_begun = true;
		return 0;
	}
	begin_request(h, &head, (size_t)n < len);
	return (size_t)n;
}

static size_t on_body_length(struct http1 *h, char *data, size_t len)
{
	size_t n = len < h->left ? len : (size_t)h->left;

	h->left -= n;
	h->paused = !exchange_body(&h->exchange, data, n);
	if (h->left == 0 && h->state == READING_BODY)
		end_request(h);
	return n;
}

static size_t on_body_chunked(struct http1 *h, char *data, size_t len)
{
	size_t consumed, body;
	enum http_chunked_result r = http_chunked_decode(&h->chunks, data, len, &consumed, &body);

	if (r == HTTP_CHUNKED_BAD) {
		h->keep_alive = false;
		exchange_fail(&h->exchange, 400);
		return len;
	}
	if (body > 0)
		h->paused = !exchange_body(&h->exchange, data, body);
	if (r == HTTP_CHUNKED_DONE && h->state == READING_BODY)
		end_request(h);
	return consumed;
}

static size_t on_body_bytes(struct http1 *h, char *data, size_t len)
{
	if (h->state == TUNNEL) {
		h->paused = !exchange_body(&h->exchange, data, len);
		return len;
	}
	set_deadline(h->conn, timeouts_of(h->conn)->body);
	return h->framing == HTTP_BODY_CHUNKED ? on_body_chunked(h, data, len)
					       : on_body_length(h, data, len);
}

static bool wants_data(const struct conn *c)
{
	const struct http1 *h = session_of(c);

	return h->state == READING_HEAD ||
	       ((h->state == READING_BODY || h->state == TUNNEL) && !h->paused);
}

static size_t on_data(struct conn *c, char *data, size_t len)
{
	struct http1 *h = session_of(c);
	size_t at = 0;

	h->in_data = true;
	while (at < len && c->state == CONN_OPEN && wants_data(c)) {
		size_t n = h->state == READING_HEAD ? on_head_bytes(h, data + at, len - at)
						    : on_body_bytes(h, data + at, len - at);
		at += n;
		if (n == 0)
			break;
		if (h->state == WAITING && c->state == CONN_OPEN)
			exchange_flush_request(&h->exchange);
	}
	if (c->state == CONN_OPEN && h->state != WAITING && h->state != READING_HEAD)
		exchange_flush_request(&h->exchange);
	h->in_data = false;
	return at;
}

static void on_eof(struct conn *c)
{
	struct http1 *h = session_of(c);

	/* A plain client may close its sending side and still read; over TLS the close is of both
	 * sides (RFC 9112 §9.8). */
	if (h->state == WAITING && !c->secure)
		return;
	if (h->state == READING_HEAD)
		conn_finish(c, false);
	else
		conn_close(c);
}

static void on_drained(struct conn *c)
{
	struct http1 *h = session_of(c);

	if (h->state == READING_HEAD)
		set_deadline(c, timeouts_of(c)->idle);
	else
		set_deadline(c, h->state == READING_BODY ? timeouts_of(c)->body : 0);
	exchange_resume(&h->exchange);
}

static void on_deadline(struct conn *c)
{
	struct http1 *h = session_of(c);

	if (conn_is_congested(c) || c->file_waits) {
		conn_abort(c);
	} else if (h->state == READING_HEAD) {
		if (h->head_begun)
			refuse(h, 408);
		else
			conn_finish(c, false);
	} else if (h->state == READING_BODY) {
		h->keep_alive = false;
		exchange_fail(&h->exchange, 408);
	}
}

static void on_drain(struct conn *c)
{
	struct http1 *h = session_of(c);

	h->draining = true;
	if (h->state != READING_HEAD || h->head_begun)
		return;
	/* A new connection is about to ask; it gets its answer first. */
	if (h->served)
		conn_finish(c, false);
	else
		set_deadline(c, DRAIN_NEW_MS);
}

static void destroy(struct corpse *corpse)
{
	free(container_of(corpse, struct http1, corpse));
}

static void on_closed(struct conn *c)
{
	struct http1 *h = session_of(c);

	exchange_cancel(&h->exchange);
	buf_free(&h->head);
	c->session = NULL;
	worker_bury(c->worker, &h->corpse, destroy);
}

static void open_session(struct conn *c)
{
	struct http1 *h = xnew(struct http1);

	h->conn = c;
	h->head = BUF_INIT(RESPONSE_HEAD_MAX);
	exchange_init(&h->exchange, c->worker, &client);
	h->exchange.can_sendfile = c->stream.ops->can_sendfile;
	c->session = h;
	set_deadline(c, timeouts_of(c)->header);
}

const struct codec http1_codec = {
	.open = open_session,
	.on_data = on_data,
	.wants_data = wants_data,
	.on_eof = on_eof,
	.on_drained = on_drained,
	.on_deadline = on_deadline,
	.on_drain = on_drain,
	.on_closed = on_closed,
};
