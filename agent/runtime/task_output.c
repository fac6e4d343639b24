/* SPDX-License-Identifier: Apache-2.0
 *
 * One read(2) each time the pipe is readable.
 */
#include "agent/runtime/task_output.h"

#include <errno.h>

#include "lib/sys/fd.h"

#define READ_CHUNK 65536

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct task_output *o = container_of(watcher, struct task_output, readable);
	_cleanup_buf_ struct buf chunk = BUF_INIT(READ_CHUNK);
	(void)events;

	ssize_t n = fd_read(o->fd, &chunk, READ_CHUNK);
	if (n == -EAGAIN)
		return;
	if (n > 0) {
		line_splitter_feed(&o->lines, buf_data(&chunk), buf_len(&chunk));
		return;
	}
	ev_io_stop(loop, watcher);
	(void)close(take_fd(&o->fd));
	line_splitter_end(&o->lines);
	o->on_end(o->data);
}

void task_output_init(struct task_output *o, struct ev_loop *loop, on_line callback,
	void (*on_end)(void *data), void *data)
{
	*o = (struct task_output){.loop = loop, .fd = -1, .on_end = on_end, .data = data};
	line_splitter_init(&o->lines, callback, data);
	ev_init(&o->readable, on_readable);
}

void task_output_open(struct task_output *o, int fd)
{
	o->fd = fd;
	(void)fd_set_nonblocking(fd);
	ev_io_set(&o->readable, fd, EV_READ);
	ev_io_start(o->loop, &o->readable);
}

void task_output_release(struct task_output *o)
{
	ev_io_stop(o->loop, &o->readable);
	if (o->fd >= 0)
		(void)close(take_fd(&o->fd));
	line_splitter_free(&o->lines);
}
