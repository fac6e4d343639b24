/* SPDX-License-Identifier: Apache-2.0
 *
 * The control client. A request is a line with a place in one list: the sent ones first, then the
 * waiting ones; `sending` is where the socket is. Losing the connection puts `sending` back to the
 * front of the list.
 */
#include "agent/edge/control.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/str.h"
#include "lib/ipc/control.h"
#include "lib/sys/fd.h"
#include "lib/sys/sock.h"

#define ANSWER_MAX (4u << 20)
#define READ_BYTES 65536
#define RETRY_FIRST_S 0.05
#define RETRY_MAX_S 1.0

struct control {
	struct ev_loop *loop;
	char *path;
	int fd; /* -1: not connected */
	struct ev_io readable, writable;
	struct ev_timer retry;
	double retry_after;
	struct buf in;
	struct list requests; /* in the order of their making */
	struct list *sending; /* the first whose line is not out, or the list's head */
	size_t sent; /* bytes of it */
	uint64_t last_id;
	void (*on_connected)(void *data);
	void *data;
};

struct request {
	struct list link;
	struct control *control;
	uint64_t id;
	char *line;
	size_t len;
	struct ev_timer deadline;
	control_on_answer on_answer;
	void *data;
};

static void update_watchers(struct control *c)
{
	if (c->fd >= 0 && c->sending != &c->requests)
		ev_io_start(c->loop, &c->writable);
	else
		ev_io_stop(c->loop, &c->writable);
}

static void request_free(struct request *q)
{
	if (!q)
		return;
	struct control *c = q->control;
	ev_timer_stop(c->loop, &q->deadline);
	if (c->sending == &q->link) {
		c->sending = q->link.next;
		c->sent = 0;
	}
	list_remove(&q->link);
	free(q->line);
	free(q);
}

static void disconnect(struct control *c)
{
	if (c->fd >= 0) {
		ev_io_stop(c->loop, &c->readable);
		ev_io_stop(c->loop, &c->writable);
		(void)close(take_fd(&c->fd));
	}
	buf_free(&c->in);
	c->sending = c->requests.next;
	c->sent = 0;
	ev_timer_stop(c->loop, &c->retry);
	ev_timer_set(&c->retry, c->retry_after, 0.);
	ev_timer_start(c->loop, &c->retry);
	c->retry_after = c->retry_after * 2 < RETRY_MAX_S ? c->retry_after * 2 : RETRY_MAX_S;
}

static void finish(struct request *q, int result, const json_t *answer, const struct err *err)
{
	struct control *c = q->control;
	control_on_answer on_answer = q->on_answer;
	void *data = q->data;

	request_free(q);
	update_watchers(c);
	on_answer(data, result, answer, err);
}

static void on_deadline(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct request *q = w->data;
	struct control *c = q->control;
	struct err err;

	(void)loop;
	(void)events;
	/* A line that is half out cannot be taken back: what follows would be glued to it. */
	bool is_half_out = c->sending == &q->link && c->sent > 0;
	bool connected = c->fd >= 0;
	if (is_half_out)
		disconnect(c);
	if (connected)
		(void)err_set(&err, ETIMEDOUT, "the proxy did not answer in time on %s", c->path);
	else
		(void)err_set(&err, ENOTCONN,
			"the proxy is not reachable on %s: is berth-proxy running?", c->path);
	finish(q, -err.code, NULL, &err);
}

static struct request *find_request(struct control *c, json_int_t id)
{
	list_for_each (it, &c->requests) {
		struct request *q = container_of(it, struct request, link);
		if (it == c->sending)
			break;
		if (q->id == (uint64_t)id)
			return q;
	}
	return NULL;
}

/* One answer. False when it is none: the connection is of no use then. */
static bool take_answer(struct control *c, const char *line, size_t len)
{
	json_t *answer = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *id = json_object_get(answer, "id"), *ok = json_object_get(answer, "ok");

	if (!json_is_integer(id) || !json_is_boolean(ok)) {
		json_decref(answer);
		return false;
	}
	/* Without a request: it was answered too late. */
	struct request *q = find_request(c, json_integer_value(id));
	if (q && json_is_true(ok)) {
		finish(q, 0, answer, NULL);
	} else if (q) {
		const char *words = json_string_value(json_object_get(answer, "error"));
		struct err err;
		(void)err_set(&err, EINVAL, "the proxy refused: %s", words ? words : "no reason");
		finish(q, -EINVAL, NULL, &err);
	}
	json_decref(answer);
	return true;
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct control *c = w->data;
	ssize_t n = fd_read(c->fd, &c->in, READ_BYTES);

	(void)loop;
	(void)events;
	if (n == -EAGAIN)
		return;
	bool ok = n > 0;
	char *newline;
	while (ok && buf_len(&c->in) > 0 &&
		(newline = memchr(buf_data(&c->in), '\n', buf_len(&c->in))) != NULL) {
		size_t len = (size_t)(newline - buf_data(&c->in));
		/* The callback may make the connection break: copy, then forget. */
		_cleanup_free_ char *line = xstrndup(buf_data(&c->in), len);
		buf_consume(&c->in, len + 1);
		ok = take_answer(c, line, len) && c->fd >= 0;
	}
	if (!ok && c->fd >= 0)
		disconnect(c);
}

static void on_writable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct control *c = w->data;

	(void)loop;
	(void)events;
	while (c->sending != &c->requests) {
		struct request *q = container_of(c->sending, struct request, link);
		ssize_t n = send(c->fd, q->line + c->sent, q->len - c->sent, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			disconnect(c);
			return;
		}
		c->sent += (size_t)n;
		if (c->sent == q->len) {
			c->sending = c->sending->next;
			c->sent = 0;
		}
	}
	update_watchers(c);
}

static void on_retry(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct control *c = w->data;
	int fd = sock_connect_unix(c->path, SOCK_STREAM, true, NULL);

	(void)events;
	if (fd < 0) {
		disconnect(c);
		return;
	}
	c->fd = fd;
	c->retry_after = RETRY_FIRST_S;
	ev_io_set(&c->readable, fd, EV_READ);
	ev_io_set(&c->writable, fd, EV_WRITE);
	ev_io_start(loop, &c->readable);
	c->on_connected(c->data);
	update_watchers(c);
}

struct control *control_new(
	struct ev_loop *loop, const char *path, void (*on_connected)(void *data), void *data)
{
	struct control *c = xnew(struct control);

	c->loop = loop;
	c->path = xstrdup(path);
	c->fd = -1;
	c->retry_after = RETRY_FIRST_S;
	c->on_connected = on_connected;
	c->data = data;
	c->in = BUF_INIT(ANSWER_MAX);
	list_init(&c->requests);
	c->sending = &c->requests;
	ev_init(&c->readable, on_readable);
	ev_init(&c->writable, on_writable);
	ev_timer_init(&c->retry, on_retry, 0., 0.);
	c->readable.data = c->writable.data = c->retry.data = c;
	ev_timer_start(loop, &c->retry);
	return c;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	list_for_each_safe (it, &c->requests)
		request_free(container_of(it, struct request, link));
	disconnect(c);
	ev_timer_stop(c->loop, &c->retry);
	free(c->path);
	free(c);
}

void control_request(struct control *c, const char *op, const char *table, unsigned deadline_ms,
	control_on_answer on_answer, void *data)
{
	struct request *q = xnew(struct request);

	q->control = c;
	q->id = ++c->last_id;
	q->line = xasprintf("{\"id\":%llu,\"op\":\"%s\"%s%s}", (unsigned long long)q->id, op,
		table ? ",\"table\":" : "", table ? table : "");
	q->len = strlen(q->line);
	/* Between the tokens of a table a newline means nothing; on the wire it ends the line. */
	for (size_t i = 0; i < q->len; i++)
		if (q->line[i] == '\n')
			q->line[i] = ' ';
	q->line[q->len++] = '\n'; /* in place of the NUL */
	must(q->len <= CONTROL_LINE_MAX);
	q->on_answer = on_answer;
	q->data = data;
	ev_timer_init(&q->deadline, on_deadline, deadline_ms / 1000.0, 0.);
	q->deadline.data = q;
	ev_timer_start(c->loop, &q->deadline);
	list_append(&c->requests, &q->link);
	if (c->sending == &c->requests)
		c->sending = &q->link;
	update_watchers(c);
}

bool control_is_connected(const struct control *c)
{
	return c->fd >= 0;
}
