/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections to instances: connecting, pooling, bytes in and out.
 */
#include "proxy/upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define IDLE_MAX 64 /* for each instance and worker */
#define IDLE_MS 60000
#define OUT_BYTES_MAX (8u * WORKER_READ_BYTES)
#define IN_BYTES_MAX (3u * WORKER_READ_BYTES)
#define RETRY_SECONDS 0.005

static struct worker *worker_of(const struct upstream_conn *u)
{
	return u->instance->worker;
}

static void destroy(struct corpse *c)
{
	free(container_of(c, struct upstream_conn, corpse));
}

static void update(struct upstream_conn *u)
{
	struct ev_loop *loop;

	if (u->is_closed)
		return;
	loop = worker_of(u)->loop;
	bool read = !u->connecting && !u->is_paused;
	bool write = u->connecting || buf_len(&u->out) > 0;
	if (read != (bool)ev_is_active(&u->readable))
		(read ? ev_io_start : ev_io_stop)(loop, &u->readable);
	if (write != (bool)ev_is_active(&u->writable) && !ev_is_active(&u->retry))
		(write ? ev_io_start : ev_io_stop)(loop, &u->writable);
}

void upstream_close(struct upstream_conn *u)
{
	struct worker *w = worker_of(u);

	if (u->is_closed)
		return;
	u->is_closed = true;
	ev_io_stop(w->loop, &u->readable);
	ev_io_stop(w->loop, &u->writable);
	ev_timer_stop(w->loop, &u->retry);
	deadline_stop(&u->idle_deadline, w->loop);
	if (!u->events)
		u->instance->idle_count--;
	list_remove(&u->link);
	if (u->fd >= 0)
		(void)close(u->fd);
	buf_free(&u->in);
	buf_free(&u->out);
	worker_bury(w, &u->corpse, destroy);
}

static void fail(struct upstream_conn *u, int error)
{
	if (u->events)
		u->events->on_failed(u->owner, error);
	else
		upstream_close(u);
}

/* Offers what came; what the owner leaves waits in u->in. */
static void take_bytes(struct upstream_conn *u, char *data, size_t len)
{
	size_t n = u->events->on_data(u->owner, data, len);

	if (u->is_closed || !u->events || n == len)
		return;
	if (buf_append(&u->in, data + n, len - n) < 0)
		fail(u, -ENOBUFS);
}

/* The buffer is emptied first: the owner may give the connection back from within. */
static void take_buffered(struct upstream_conn *u)
{
	_cleanup_buf_ struct buf taken = u->in;

	u->in = BUF_INIT(IN_BYTES_MAX);
	take_bytes(u, buf_data(&taken), buf_len(&taken));
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct upstream_conn *u = container_of(io, struct upstream_conn, readable);
	char *to = worker_of(u)->upstream_scratch;
	bool buffered = buf_len(&u->in) > 0;

	(void)loop;
	(void)events;
	if (buffered && !(to = buf_reserve(&u->in, WORKER_READ_BYTES))) {
		fail(u, -ENOBUFS);
		return;
	}
	ssize_t n = recv(u->fd, to, WORKER_READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !u->events) {
		/* Bytes on an idle connection answer nothing that was asked. */
		fail(u, n < 0 ? -errno : 0);
		return;
	}
	if (buffered) {
		buf_commit(&u->in, (size_t)n);
		take_buffered(u);
	} else {
		take_bytes(u, to, (size_t)n);
	}
}

static void start_connect(struct upstream_conn *u);

static void on_connect_result(struct upstream_conn *u)
{
	int error = 0;
	socklen_t len = sizeof error;

	(void)getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		fail(u, -error);
		return;
	}
	u->connecting = false;
	update(u);
	u->events->on_connected(u->owner);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct upstream_conn *u = container_of(io, struct upstream_conn, writable);

	(void)loop;
	(void)events;
	if (u->connecting) {
		on_connect_result(u);
		return;
	}
	ssize_t n = send(u->fd, buf_data(&u->out), buf_len(&u->out), MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			/* The answer may be there already: the reading side decides. */
			buf_free(&u->out);
			update(u);
			if (u->events)
				u->events->on_drained(u->owner);
		}
		return;
	}
	buf_consume(&u->out, (size_t)n);
	if (buf_len(&u->out) > 0)
		return;
	buf_free(&u->out);
	update(u);
	if (u->events)
		u->events->on_drained(u->owner);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct upstream_conn *u = container_of(timer, struct upstream_conn, retry);

	(void)loop;
	(void)events;
	start_connect(u);
	if (!u->is_closed && !u->connecting)
		u->events->on_connected(u->owner);
}

static void start_connect(struct upstream_conn *u)
{
	struct instance *i = u->instance;

	if (connect(u->fd, (struct sockaddr *)&i->to, i->to_len) == 0 || errno == EISCONN) {
		u->connecting = false;
	} else if (errno == EAGAIN) {
		/* AF_UNIX: the listener's queue is full, and nothing tells when it no longer is. */
		ev_timer_set(&u->retry, RETRY_SECONDS, 0.);
		ev_timer_start(i->worker->loop, &u->retry);
	} else if (errno != EINPROGRESS) {
		fail(u, -errno);
		return;
	}
	update(u);
}

static void on_idle_deadline(struct deadline *d)
{
	struct upstream_conn *u = container_of(d, struct upstream_conn, idle_deadline);

	if (!u->events)
		upstream_close(u);
}

int upstream_connect(struct instance *i, struct upstream_conn **ret)
{
	const int on = 1;
	int fd = socket(i->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (i->to.ss_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	bool busy = false;
	int r = connect(fd, (struct sockaddr *)&i->to, i->to_len) == 0 ? 0 : -errno;
	if (r == -EAGAIN)
		busy = true;
	if (r < 0 && r != -EAGAIN && r != -EINPROGRESS) {
		(void)close(fd);
		return r;
	}
	struct upstream_conn *u = xnew(struct upstream_conn);
	u->instance = i;
	u->fd = fd;
	u->connecting = r < 0;
	u->in = BUF_INIT(IN_BYTES_MAX);
	u->out = BUF_INIT(OUT_BYTES_MAX);
	list_init(&u->link);
	ev_io_init(&u->readable, on_readable, fd, EV_READ);
	ev_io_init(&u->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&u->retry, on_retry, RETRY_SECONDS, 0.);
	deadline_init(&u->idle_deadline, on_idle_deadline);
	if (busy)
		ev_timer_start(i->worker->loop, &u->retry);
	update(u);
	*ret = u;
	return 0;
}

static bool is_open(const struct upstream_conn *u)
{
	char byte;
	return recv(u->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

struct upstream_conn *upstream_take(struct instance *i, uint64_t max_age_ms)
{
	struct list *first = list_pop_front(&i->idle);

	if (!first)
		return NULL;
	struct upstream_conn *u = container_of(first, struct upstream_conn, link);
	if (max_age_ms > 0 &&
		(ev_now(i->worker->loop) - u->used_at > (double)max_age_ms / 1000 || !is_open(u))) {
		/* It stays for those who may try again. */
		list_prepend(&i->idle, &u->link);
		return NULL;
	}
	i->idle_count--;
	deadline_set(&u->idle_deadline, i->worker->loop, 0);
	return u;
}

int upstream_send(struct upstream_conn *u, const struct iovec *iov, int n)
{
	size_t sent = 0;

	if (buf_len(&u->out) == 0 && !u->connecting) {
		struct msghdr msg = {
			.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
		ssize_t k = sendmsg(u->fd, &msg, MSG_NOSIGNAL);
		if (k < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		sent = k > 0 ? (size_t)k : 0;
	}
	for (int i = 0; i < n; i++) {
		size_t skip = sent < iov[i].iov_len ? sent : iov[i].iov_len;
		sent -= skip;
		if (buf_append(&u->out, (const char *)iov[i].iov_base + skip,
			    iov[i].iov_len - skip) < 0)
			return -ENOBUFS;
	}
	update(u);
	return 0;
}

void upstream_pause(struct upstream_conn *u, bool pause)
{
	u->is_paused = pause;
	update(u);
}

void upstream_give_back(struct upstream_conn *u)
{
	struct instance *i = u->instance;

	if (buf_len(&u->in) > 0 || buf_len(&u->out) > 0 || i->idle_count >= IDLE_MAX ||
		i->worker->draining) {
		upstream_close(u);
		return;
	}
	u->events = NULL;
	u->owner = NULL;
	u->is_reused = true;
	u->is_paused = false;
	u->used_at = ev_now(i->worker->loop);
	list_prepend(&i->idle, &u->link);
	i->idle_count++;
	deadline_set(&u->idle_deadline, i->worker->loop, IDLE_MS);
	update(u);
}
