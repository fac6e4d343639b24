/* SPDX-License-Identifier: Apache-2.0
 *
 * Client connections. Watchers follow from the state in one place, conn_update().
 */
#include "proxy/conn.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "proxy/http1.h"
#include "proxy/upstream.h"

#define LINGER_MS 2000
#define DRAIN_HANDSHAKE_MS 2000
#define LINGER_BYTES_MAX (1u << 20)
#define READS_PER_ROUND 8

static void set_watcher(struct ev_loop *loop, ev_io *io, bool on)
{
	if (on && !ev_is_active(io))
		ev_io_start(loop, io);
	else if (!on && ev_is_active(io))
		ev_io_stop(loop, io);
}

static bool wants_read(const struct conn *c)
{
	switch (c->state) {
	case CONN_HANDSHAKE:
		return !c->stream.wants_write;
	case CONN_OPEN:
		/* With nothing buffered the socket is watched even when the codec waits for an
		 * upstream: the end of the connection must be seen. */
		return !c->eof && (buf_len(&c->in) == 0 || c->codec->wants_data(c));
	case CONN_LINGERING:
		return true;
	case CONN_FINISHING:
	case CONN_CLOSED:
		break;
	}
	return false;
}

void conn_update(struct conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	set_watcher(c->worker->loop, &c->readable, wants_read(c));
	set_watcher(c->worker->loop, &c->writable,
		conn_is_congested(c) || c->stream.wants_write || c->file_waits);
}

static void destroy(struct corpse *corpse)
{
	free(container_of(corpse, struct conn, corpse));
}

void conn_close(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->state == CONN_CLOSED)
		return;
	bool has_session = c->session != NULL;
	c->state = CONN_CLOSED;
	ev_io_stop(w->loop, &c->readable);
	ev_io_stop(w->loop, &c->writable);
	deadline_stop(&c->deadline, w->loop);
	if (has_session)
		c->codec->on_closed(c);
	stream_close(&c->stream);
	buf_free(&c->in);
	buf_free(&c->out);
	list_remove(&c->link);
	counter_add(&w->connections, (uint64_t)-1);
	worker_bury(w, &c->corpse, destroy);
	worker_on_conn_closed(w);
}

void conn_abort(struct conn *c)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	if (c->state == CONN_CLOSED)
		return;
	(void)setsockopt(c->stream.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	conn_close(c);
}

/* Everything is sent: say goodbye. */
static void end_finish(struct conn *c)
{
	c->stream.ops->finish(&c->stream);
	if (!c->lingers || c->eof) {
		conn_close(c);
		return;
	}
	/* A close() with unread bytes would reset the connection, and the client might lose our
	 * answer (RFC 9112 §9.6). */
	if (c->secure)
		(void)shutdown(c->stream.fd, SHUT_WR);
	c->state = CONN_LINGERING;
	c->stream.wants_write = false;
	buf_free(&c->in);
	deadline_set(&c->deadline, c->worker->loop, LINGER_MS);
	conn_update(c);
}

void conn_finish(struct conn *c, bool lingers)
{
	if (c->state != CONN_OPEN)
		return;
	c->state = CONN_FINISHING;
	c->lingers = lingers;
	if (conn_is_congested(c)) {
		deadline_set(&c->deadline, c->worker->loop, c->worker->config->timeouts.body);
		conn_update(c);
		return;
	}
	end_finish(c);
}

/* While something waits to be sent, the deadline is the time without progress. */
static void expect_progress(struct conn *c)
{
	deadline_set(&c->deadline, c->worker->loop, c->worker->config->timeouts.body);
}

/* Writes from the queue; false when the connection was closed. */
static bool write_queue(struct conn *c)
{
	while (conn_is_congested(c)) {
		const struct iovec iov = {buf_data(&c->out), buf_len(&c->out)};
		ssize_t n = stream_writev(&c->stream, &iov, 1);
		if (n == -EAGAIN)
			return true;
		if (n <= 0) {
			conn_close(c);
			return false;
		}
		buf_consume(&c->out, (size_t)n);
		expect_progress(c);
	}
	buf_free(&c->out);
	return true;
}

/* Queues what was not sent: `skip` bytes of the pieces are gone already. */
static int queue(struct conn *c, const struct iovec *iov, int n, size_t skip)
{
	for (int i = 0; i < n; i++) {
		size_t len = iov[i].iov_len;
		if (skip >= len) {
			skip -= len;
			continue;
		}
		if (buf_append(&c->out, (const char *)iov[i].iov_base + skip, len - skip) < 0) {
			conn_abort(c);
			return -EPIPE;
		}
		skip = 0;
	}
	return 0;
}

int conn_send(struct conn *c, const struct iovec *iov, int n)
{
	size_t total = 0, sent = 0;
	struct iovec rest[8];

	if (c->state == CONN_CLOSED)
		return -EPIPE;
	must(n <= (int)ARRAY_SIZE(rest));
	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (conn_is_congested(c) || c->state != CONN_OPEN)
		return queue(c, iov, n, 0);
	while (sent < total) {
		size_t skip = sent;
		int count = 0;
		for (int i = 0; i < n; i++) {
			size_t gone = skip < iov[i].iov_len ? skip : iov[i].iov_len;
			skip -= gone;
			if (gone < iov[i].iov_len)
				rest[count++] = (struct iovec){
					(char *)iov[i].iov_base + gone, iov[i].iov_len - gone};
		}
		ssize_t k = stream_writev(&c->stream, rest, count);
		if (k == -EAGAIN)
			break;
		if (k <= 0) {
			conn_close(c);
			return -EPIPE;
		}
		sent += (size_t)k;
	}
	if (sent == total)
		return 0;
	if (queue(c, iov, n, sent) < 0)
		return -EPIPE;
	expect_progress(c);
	conn_update(c);
	return 0;
}

ssize_t conn_sendfile(struct conn *c, int fd, uint64_t offset, size_t n)
{
	off_t at = (off_t)offset;

	ssize_t k = sendfile(c->stream.fd, fd, &at, n);
	if (k >= 0)
		return k;
	if (errno != EAGAIN && errno != EINTR)
		return -errno;
	c->file_waits = true;
	expect_progress(c);
	conn_update(c);
	return -EAGAIN;
}

static void offer(struct conn *c)
{
	while (c->state == CONN_OPEN && buf_len(&c->in) > 0 && c->codec->wants_data(c)) {
		size_t n = c->codec->on_data(c, buf_data(&c->in), buf_len(&c->in));
		if (c->state != CONN_OPEN)
			return;
		buf_consume(&c->in, n);
		if (n == 0)
			break;
	}
	if (c->state == CONN_OPEN && buf_len(&c->in) == 0) {
		buf_free(&c->in);
		if (c->eof)
			c->codec->on_eof(c);
	}
}

void conn_resume(struct conn *c)
{
	offer(c);
	conn_update(c);
}

/* The usual case: nothing is buffered, and the codec takes what comes straight from the scratch. */
static void take_bytes(struct conn *c, char *data, size_t len)
{
	size_t n = 0;

	if (buf_len(&c->in) == 0 && c->codec->wants_data(c)) {
		n = c->codec->on_data(c, data, len);
		if (c->state != CONN_OPEN)
			return;
	}
	if (n < len && buf_append(&c->in, data + n, len - n) < 0) {
		conn_abort(c);
		return;
	}
	if (buf_len(&c->in) > 0)
		offer(c);
}

static void read_open(struct conn *c)
{
	for (int i = 0; i < READS_PER_ROUND && c->state == CONN_OPEN && wants_read(c); i++) {
		size_t room = buf_room(&c->in);
		size_t want = room < WORKER_READ_BYTES ? room : WORKER_READ_BYTES;
		if (want == 0)
			break;
		ssize_t n = stream_read(&c->stream, c->worker->client_scratch, want);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			conn_close(c);
			return;
		}
		if (n == 0) {
			c->eof = true;
			if (buf_len(&c->in) == 0 || c->codec->wants_data(c))
				c->codec->on_eof(c);
			break;
		}
		take_bytes(c, c->worker->client_scratch, (size_t)n);
		/* A short read emptied the socket, unless TLS keeps some of it inside. */
		if (c->state == CONN_CLOSED ||
			((size_t)n < want && !stream_has_pending(&c->stream)))
			break;
	}
	/* What TLS has inside wakes nobody: come back for it. */
	if (c->state == CONN_OPEN && wants_read(c) && stream_has_pending(&c->stream))
		ev_feed_event(c->worker->loop, &c->readable, EV_READ);
}

static void read_lingering(struct conn *c)
{
	ssize_t n = recv(c->stream.fd, c->worker->client_scratch, WORKER_READ_BYTES, 0);

	if (n > 0)
		c->linger_bytes += (size_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
		c->linger_bytes > LINGER_BYTES_MAX)
		conn_close(c);
}

static void open_codec(struct conn *c)
{
	c->state = CONN_OPEN;
	c->codec = &http1_codec;
	c->codec->open(c);
	if (c->worker->draining)
		c->codec->on_drain(c);
}

static void handshake(struct conn *c)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
				     "Content-Length: 43\r\n\r\n"
				     "This port speaks HTTPS; use an https:// URL";
	bool plain_http = false;
	int r = tls_handshake(&c->stream, &plain_http);

	if (r == -EAGAIN)
		return;
	if (r < 0) {
		if (plain_http)
			(void)!send(c->stream.fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
		conn_close(c);
		return;
	}
	c->stream.wants_write = false;
	open_codec(c);
	/* The request may have come in the same packet as the end of the handshake. */
	if (c->state == CONN_OPEN)
		read_open(c);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *c = container_of(io, struct conn, readable);

	(void)loop;
	(void)events;
	if (c->state == CONN_HANDSHAKE)
		handshake(c);
	else if (c->state == CONN_OPEN)
		read_open(c);
	else if (c->state == CONN_LINGERING)
		read_lingering(c);
	conn_update(c);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *c = container_of(io, struct conn, writable);

	(void)loop;
	(void)events;
	bool read_waited = c->stream.wants_write;
	c->stream.wants_write = false;
	c->file_waits = false;
	if (c->state == CONN_HANDSHAKE) {
		handshake(c);
		read_waited = false;
	} else if (write_queue(c) && !conn_is_congested(c)) {
		if (c->state == CONN_FINISHING)
			end_finish(c);
		else if (c->state == CONN_OPEN)
			c->codec->on_drained(c);
	}
	if (read_waited && c->state == CONN_OPEN)
		read_open(c);
	conn_update(c);
}

static void on_deadline(struct deadline *d)
{
	struct conn *c = container_of(d, struct conn, deadline);

	if (c->state == CONN_OPEN)
		c->codec->on_deadline(c);
	else
		conn_close(c);
	conn_update(c);
}

void conn_open(struct worker *w, int fd, bool secure, const char *peer)
{
	struct conn *c = xnew(struct conn);

	c->worker = w;
	c->secure = secure;
	c->in = BUF_INIT(2 * WORKER_READ_BYTES);
	c->out = BUF_INIT(8 * WORKER_READ_BYTES);
	must(str_copy(c->peer, sizeof c->peer, str_from(peer)) == 0);
	deadline_init(&c->deadline, on_deadline);
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	list_append(&w->conns, &c->link);
	counter_add(&w->connections, 1);
	if (!secure) {
		stream_init_plain(&c->stream, fd);
		open_codec(c);
	} else if (stream_init_tls(&c->stream, fd, w->tls, c) < 0) {
		conn_close(c);
		return;
	}
	if (c->state == CONN_HANDSHAKE)
		deadline_set(&c->deadline, w->loop, w->config->timeouts.header);
	conn_update(c);
}

void conn_drain(struct conn *c)
{
	if (c->state == CONN_OPEN)
		c->codec->on_drain(c);
	else if (c->state == CONN_HANDSHAKE)
		/* Its client has connected as far as it knows: it gets its answer. */
		deadline_set(&c->deadline, c->worker->loop, DRAIN_HANDSHAKE_MS);
	conn_update(c);
}
