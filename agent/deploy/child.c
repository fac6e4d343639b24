/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a program and hearing of its end by its pidfd.
 */
#include "agent/deploy/child.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/proc.h"

#define WORDS_MAX 4096

struct child {
	struct ev_loop *loop;
	pid_t pid;
	int pidfd, err_fd;
	ev_io on_exit_io, on_text_io;
	struct buf text; /* the end of what it wrote */
	child_on_exit on_exit;
	void *data;
};

static void read_text(struct child *c)
{
	for (;;) {
		if (buf_room(&c->text) < WORDS_MAX / 2)
			buf_consume(&c->text, buf_len(&c->text) / 2);
		ssize_t n = fd_read(c->err_fd, &c->text, WORDS_MAX / 2);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			ev_io_stop(c->loop, &c->on_text_io);
			return;
		}
	}
}

/* The last line that says something. */
static char *last_line(struct child *c, int status)
{
	struct str rest = {buf_data(&c->text), buf_len(&c->text)}, line, last = {0};
	char words[64];

	while (str_split(&rest, '\n', &line))
		if (str_trim(line).len > 0)
			last = str_trim(line);
	if (last.len > 0)
		return str_dup(last);
	proc_describe_status(status, words, sizeof words);
	return xstrdup(words);
}

static void on_text(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	read_text(container_of(io, struct child, on_text_io));
}

static void on_exit_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct child *c = container_of(io, struct child, on_exit_io);
	int status = 0;
	(void)events;

	ev_io_stop(loop, io);
	if (waitpid(c->pid, &status, 0) < 0)
		status = W_EXITCODE(127, 0);
	c->pid = 0;
	read_text(c);
	_cleanup_free_ char *words = last_line(c, status);
	c->on_exit(c->data, status, words);
}

int child_start(struct ev_loop *loop, const char *const *argv, child_on_exit on_exit, void *data,
	struct child **ret, struct err *err)
{
	int text[2];
	pid_t pid;
	int pidfd;

	if (pipe2(text, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start %s", argv[0]);
	struct proc_spec spec = {
		.argv = argv, .fds = {-1, -1, text[1]}, .fd_count = 3, .dies_with_parent = true};
	int r = proc_spawn(&spec, &pid, &pidfd, err);
	(void)close(text[1]);
	if (r < 0) {
		(void)close(text[0]);
		return r;
	}
	(void)fd_set_nonblocking(text[0]);
	struct child *c = xnew(struct child);
	*c = (struct child){.loop = loop,
		.pid = pid,
		.pidfd = pidfd,
		.err_fd = text[0],
		.text = BUF_INIT(WORDS_MAX + 1),
		.on_exit = on_exit,
		.data = data};
	ev_io_init(&c->on_exit_io, on_exit_readable, pidfd, EV_READ);
	ev_io_init(&c->on_text_io, on_text, text[0], EV_READ);
	ev_io_start(loop, &c->on_exit_io);
	ev_io_start(loop, &c->on_text_io);
	*ret = c;
	return 0;
}

void child_kill(struct child *c)
{
	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	ev_io_stop(c->loop, &c->on_exit_io);
	ev_io_stop(c->loop, &c->on_text_io);
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		(void)waitpid(c->pid, NULL, 0);
	}
	(void)close(c->pidfd);
	(void)close(c->err_fd);
	buf_free(&c->text);
	free(c);
}
