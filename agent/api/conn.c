/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a connection: head, body, answer, and around again. update() alone decides, from the
 * state, what is watched and how long it may take.
 */
#include "agent/api/conn.h"

#include <errno.h>
#include <sys/socket.h>

#include "agent/api/receive.h"
#include "agent/api/server.h"
#include "lib/sys/fd.h"

#define IN_MAX (128u << 10)
#define OUT_MAX (EXCHANGE_UNSENT_MAX + (64u << 10))
#define READ_BYTES (32u << 10)

#define IDLE_S 75.
#define HEAD_S 10.
#define BODY_S 60. /* of a JSON body: all of it; of a stream: between two pieces */
#define WRITE_S 60. /* between two pieces that the client takes */
#define LINGER_S 2.

/* What a connection waits for; each has its deadline. */
static double deadline_of(const struct conn *c)
{
	if (c->is_dropped || c->state == CONN_LINGER)
		return LINGER_S;
	if (buf_len(&c->out) > 0)
		return WRITE_S;
	if (c->state == CONN_HEAD)
		return buf_len(&c->in) > 0 ? HEAD_S : IDLE_S;
	if (c->state == CONN_BODY && !c->is_paused)
		return BODY_S;
	return 0.; /* for a handler, which has deadlines of its own */
}

static void update_deadline(struct conn *c, bool is_progress)
{
	double seconds = deadline_of(c);

	/* A deadline runs from the start of what it limits: another read does not move it. */
	if (seconds == c->deadline_s && !is_progress)
		return;
	c->deadline_s = seconds;
	ev_timer_stop(c->api->loop, &c->deadline);
	if (seconds > 0.) {
		ev_timer_set(&c->deadline, seconds, 0.);
		ev_timer_start(c->api->loop, &c->deadline);
	}
}

static void watch(struct conn *c, struct ev_io *w, bool is_wanted)
{
	if (is_wanted)
		ev_io_start(c->api->loop, w);
	else
		ev_io_stop(c->api->loop, w);
}

static void update(struct conn *c, bool is_progress)
{
	if (c->state == CONN_DEAD)
		return;
	bool has_room = buf_room(&c->in) > 0;
	watch(c, &c->readable,
		c->is_dropped || c->state == CONN_LINGER ||
			(has_room && !(c->state == CONN_BODY && c->is_paused)));
	watch(c, &c->writable, !c->is_dropped && (buf_len(&c->out) > 0 || c->answer_done));
	update_deadline(c, is_progress);
}

/* The exchange is over, one way or another. */
static void end_exchange(struct conn *c)
{
	if (!c->has_exchange)
		return;
	c->has_exchange = false;
	if (c->x.on_gone)
		c->x.on_gone(&c->x);
	json_decref(c->x.body);
	buf_free(&c->body);
	c->answer_done = false;
	c->is_paused = false;
}

void conn_close(struct conn *c)
{
	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	ev_io_stop(c->api->loop, &c->readable);
	ev_io_stop(c->api->loop, &c->writable);
	ev_timer_stop(c->api->loop, &c->deadline);
	(void)close(take_fd(&c->fd));
	end_exchange(c);
	api_bury(c->api, c);
}

void conn_free(struct conn *c)
{
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->body);
	free(c);
}

void conn_drop(struct conn *c)
{
	if (c->state == CONN_DEAD || c->is_dropped)
		return;
	/* The peer sees the end at once; we see it, too, in the loop, where closing is safe. */
	c->is_dropped = true;
	buf_clear(&c->out);
	(void)shutdown(c->fd, SHUT_RDWR);
	update(c, true);
}

void conn_send(struct conn *c, const void *data, size_t len)
{
	if (c->state == CONN_DEAD || c->is_dropped)
		return;
	if (buf_append(&c->out, data, len) < 0)
		conn_drop(c);
	else
		update(c, false);
}

void conn_finish(struct conn *c)
{
	c->answer_done = true;
	if (!c->body_done) {
		/* What else comes of this body is not a request. */
		c->keep_alive = false;
		c->state = CONN_ANSWER;
	}
	update(c, false);
}

void exchange_pause(struct exchange *x, bool is_paused)
{
	struct conn *c = x->conn;

	if (c->is_paused == is_paused || c->state == CONN_DEAD)
		return;
	c->is_paused = is_paused;
	/* Bytes that were read already must not wait for more to come. */
	if (!is_paused && buf_len(&c->in) > 0)
		ev_feed_event(c->api->loop, &c->readable, EV_CUSTOM);
	update(c, true);
}

static void linger(struct conn *c)
{
	c->state = CONN_LINGER;
	buf_free(&c->in);
	buf_free(&c->out);
	(void)shutdown(c->fd, SHUT_WR);
}

static void next_request(struct conn *c)
{
	end_exchange(c);
	if (c->state == CONN_DEAD)
		return;
	if (!c->keep_alive) {
		linger(c);
		return;
	}
	c->state = CONN_HEAD;
	buf_free(&c->out);
	if (buf_len(&c->in) == 0)
		buf_free(&c->in); /* an idle connection costs little */
}

static void process(struct conn *c)
{
	bool go_on = true;

	while (go_on && !c->is_dropped) {
		if (c->state == CONN_HEAD)
			go_on = receive_head(c);
		else if (c->state == CONN_BODY && !c->is_paused)
			go_on = receive_body(c);
		else
			go_on = false;
	}
	if (c->state == CONN_LINGER)
		buf_clear(&c->in);
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct conn *c = w->data;
	bool has_body_deadline = c->state == CONN_BODY && c->x.endpoint->body == BODY_STREAM;
	ssize_t n = -EAGAIN;

	(void)loop;
	if (events & EV_READ)
		n = fd_read(c->fd, &c->in, READ_BYTES);
	if (c->is_dropped || n == 0 || (n < 0 && n != -EAGAIN && n != -ENOBUFS)) {
		conn_close(c);
		return;
	}
	process(c);
	update(c, has_body_deadline);
}

static void on_writable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct conn *c = w->data;
	ssize_t n = buf_len(&c->out) > 0 ? fd_write(c->fd, &c->out) : 0;

	(void)loop;
	(void)events;
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		conn_close(c);
		return;
	}
	if (buf_len(&c->out) == 0 && c->answer_done) {
		next_request(c);
		process(c);
	} else if (buf_len(&c->out) == 0 && c->has_exchange && c->x.on_sent) {
		c->x.on_sent(&c->x);
	}
	update(c, true);
}

static void on_deadline(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct conn *c = w->data;

	(void)loop;
	(void)events;
	c->deadline_s = 0.;
	bool is_late = c->state == CONN_BODY && !c->x.is_started && buf_len(&c->out) == 0;
	if (is_late || (c->state == CONN_HEAD && buf_len(&c->in) > 0))
		receive_timed_out(c);
	else
		conn_close(c);
	update(c, false);
}

void conn_open(struct api *api, int fd, enum conn_origin origin)
{
	struct conn *c = xnew(struct conn);

	c->api = api;
	c->fd = fd;
	c->origin = origin;
	c->in = BUF_INIT(IN_MAX);
	c->out = BUF_INIT(OUT_MAX);
	c->body = BUF_INIT(EXCHANGE_BODY_MAX);
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	ev_init(&c->deadline, on_deadline);
	c->readable.data = c->writable.data = c->deadline.data = c;
	list_append(&api->conns, &c->link);
	update(c, false);
}
