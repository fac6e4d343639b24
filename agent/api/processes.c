/* SPDX-License-Identifier: Apache-2.0
 *
 * What an app runs, and what it writes.
 */
#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/api/resource.h"
#include "agent/api/server.h"
#include "agent/deploy/engine.h"
#include "agent/runtime/runtime.h"
#include "lib/sys/fd.h"

#define LINES_MAX 100000
#define LINES_DEFAULT 100
#define PIECE_BYTES 32768
#define UNSENT_HIGH (256u << 10) /* the log waits until the client has taken what it got */

void handle_processes(struct exchange *x)
{
	struct app_row app;

	if (resource_find_app(x, &app) < 0)
		return;
	_cleanup_free_ char *text = engine_processes(x->api->config->engine, app.name);
	if (text)
		reply_text(x, "application/json", text);
	else
		reply_error(x, REPLY_INTERNAL, NULL, "the engine does not know app '%s'", app.name);
}

struct log_stream {
	struct exchange *x;
	struct ev_io readable;
	int fd;
};

static void on_log_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct log_stream *s = w->data;
	_cleanup_buf_ struct buf piece = BUF_INIT(PIECE_BYTES);
	ssize_t n = fd_read(s->fd, &piece, PIECE_BYTES);

	(void)events;
	if (n == -EAGAIN)
		return;
	if (n > 0) {
		reply_write(s->x, buf_data(&piece), buf_len(&piece));
		if (reply_unsent(s->x) > UNSENT_HIGH)
			ev_io_stop(loop, w);
		return;
	}
	ev_io_stop(loop, w);
	if (n == 0)
		reply_end(s->x);
	else
		reply_abort(s->x);
}

static void on_log_sent(struct exchange *x)
{
	struct log_stream *s = x->stream;
	ev_io_start(x->api->loop, &s->readable);
}

static void on_log_gone(struct exchange *x)
{
	struct log_stream *s = x->stream;

	ev_io_stop(x->api->loop, &s->readable);
	(void)close(s->fd);
	free(s);
}

static int read_log_query(struct exchange *x, unsigned *lines, bool *follow, const char **process)
{
	unsigned flag = 0;
	struct err err;
	int r = target_query_unsigned(&x->query, "lines", LINES_MAX, LINES_DEFAULT, lines, &err);
	if (r == 0)
		r = target_query_unsigned(&x->query, "follow", 1, 0, &flag, &err);
	*process = target_query_get(&x->query, "process");
	if (r == 0 && *process)
		r = ident_check_process(*process, &err);
	if (r < 0)
		reply_err(x, &err);
	else
		*follow = flag == 1;
	return r;
}

void handle_logs(struct exchange *x)
{
	struct runtime *runtime = x->api->config->runtime;
	struct log_query query;
	struct app_row app;
	struct err err;
	int fd;

	if (resource_find_app(x, &app) < 0 ||
		read_log_query(x, &query.lines, &query.follow, &query.process) < 0)
		return;
	query.app = app.name;
	if (runtime->ops->open_logs(runtime, &query, &fd, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	struct log_stream *s = xnew(struct log_stream);
	s->x = x;
	s->fd = fd;
	(void)fd_set_nonblocking(fd);
	ev_io_init(&s->readable, on_log_readable, fd, EV_READ);
	s->readable.data = s;
	x->stream = s;
	x->on_sent = on_log_sent;
	x->on_gone = on_log_gone;
	reply_begin(x, "application/x-ndjson");
	ev_io_start(x->api->loop, &s->readable);
}
