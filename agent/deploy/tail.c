/* SPDX-License-Identifier: Apache-2.0
 *
 * Collecting an app's last words.
 */
#include "agent/deploy/tail.h"

#include <errno.h>
#include <ev.h>
#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/sys/fd.h"

#define TIMEOUT_S 2.
#define PENDING_MAX (128u * 1024u)
#define LINE_MAX_BYTES 4096

struct tail {
	struct ev_loop *loop;
	int fd;
	unsigned release;
	ev_io io;
	ev_timer timer;
	struct buf in;
	struct tail_line lines[TAIL_LINES];
	size_t count;
	tail_on_lines on_lines;
	void *data;
};

static void drop_first(struct tail *t)
{
	free(t->lines[0].process);
	free(t->lines[0].text);
	t->count--;
	memmove(&t->lines[0], &t->lines[1], t->count * sizeof t->lines[0]);
}

static void take_line(struct tail *t, struct str line)
{
	json_t *root = json_loadb(line.p, line.len, 0, NULL);
	const char *process = json_string_value(json_object_get(root, "process"));
	json_t *text = json_object_get(root, "line");

	if (json_integer_value(json_object_get(root, "release")) == (json_int_t)t->release &&
		json_is_string(text)) {
		if (t->count == TAIL_LINES)
			drop_first(t);
		t->lines[t->count].process = process ? xstrdup(process) : NULL;
		t->lines[t->count++].text = xstrndup(json_string_value(text), LINE_MAX_BYTES);
	}
	json_decref(root);
}

static void take_lines(struct tail *t)
{
	const char *end;

	while (buf_len(&t->in) > 0 &&
		(end = memchr(buf_data(&t->in), '\n', buf_len(&t->in))) != NULL) {
		size_t n = (size_t)(end - buf_data(&t->in));
		take_line(t, (struct str){buf_data(&t->in), n});
		buf_consume(&t->in, n + 1);
	}
	/* A line longer than all of the buffer is not one of ours. */
	if (buf_room(&t->in) == 0)
		buf_clear(&t->in);
}

static void finish(struct tail *t)
{
	ev_io_stop(t->loop, &t->io);
	ev_timer_stop(t->loop, &t->timer);
	t->on_lines(t->data, t->lines, t->count);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct tail *t = container_of(io, struct tail, io);
	(void)loop;
	(void)events;

	ssize_t n = fd_read(t->fd, &t->in, 16384);
	if (n == -ENOBUFS) {
		buf_clear(&t->in);
		return;
	}
	if (n == -EAGAIN)
		return;
	take_lines(t);
	if (n <= 0)
		finish(t);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	finish(container_of(timer, struct tail, timer));
}

struct tail *tail_start(
	struct ev_loop *loop, int fd, unsigned release, tail_on_lines on_lines, void *data)
{
	struct tail *t = xnew(struct tail);

	t->loop = loop;
	t->fd = fd;
	t->release = release;
	t->on_lines = on_lines;
	t->data = data;
	buf_init(&t->in, PENDING_MAX);
	(void)fd_set_nonblocking(fd);
	ev_io_init(&t->io, on_readable, fd, EV_READ);
	ev_io_start(loop, &t->io);
	ev_timer_init(&t->timer, on_timeout, TIMEOUT_S, 0.);
	ev_timer_start(loop, &t->timer);
	return t;
}

void tail_free(struct tail *t)
{
	if (!t)
		return;
	ev_io_stop(t->loop, &t->io);
	ev_timer_stop(t->loop, &t->timer);
	(void)close(t->fd);
	while (t->count > 0)
		drop_first(t);
	buf_free(&t->in);
	free(t);
}
