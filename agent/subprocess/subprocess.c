/* SPDX-License-Identifier: Apache-2.0
 *
 * Plumbing between the loop and a child: three pipes, a socket pair, a pidfd.
 */
#include "agent/subprocess/subprocess.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/proc.h"

#define INPUT_MAX (1u << 20)
#define LINE_MAX_BYTES 65536
#define TOLD_MAX (4u << 20) /* lines that it has not read; then it is killed */
#define PIECE_BYTES 32768
#define WORDS_MAX 4096

enum { STDIN, STDOUT, STDERR, CONTROL, ENDS };

struct subprocess {
	struct ev_loop *loop;
	const struct subprocess_events *events;
	void *data;
	pid_t pid; /* 0: reaped */
	int status;
	int fds[ENDS]; /* our ends; -1: closed */
	struct ev_io input, output, words, control_in, control_out, exited;
	int pidfd;
	struct ev_timer timeout;
	struct buf to_input, from_control, to_control, from_words;
	bool input_ends, is_output_paused;
};

static void close_end(struct subprocess *c, int end)
{
	if (end == STDIN)
		ev_io_stop(c->loop, &c->input);
	else if (end == STDOUT)
		ev_io_stop(c->loop, &c->output);
	else if (end == STDERR)
		ev_io_stop(c->loop, &c->words);
	if (end == CONTROL) {
		ev_io_stop(c->loop, &c->control_in);
		ev_io_stop(c->loop, &c->control_out);
	}
	if (c->fds[end] >= 0)
		(void)close(take_fd(&c->fds[end]));
}

/* The last line of what it said. */
static const char *last_words(struct subprocess *c)
{
	char *text = buf_cstr(&c->from_words);
	if (!text)
		return "";
	size_t n = strlen(text);
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	char *newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

/* All of it is over when the process is and nothing of its output is left. */
static void settle(struct subprocess *c)
{
	if (c->pid != 0 || c->fds[STDOUT] >= 0 || c->fds[STDERR] >= 0 || c->fds[CONTROL] >= 0)
		return;
	close_end(c, STDIN);
	ev_timer_stop(c->loop, &c->timeout);
	c->events->on_end(c->data, c->status, last_words(c));
}

static void on_input_writable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct subprocess *c = w->data;
	ssize_t n = buf_len(&c->to_input) > 0 ? fd_write(c->fds[STDIN], &c->to_input) : 0;

	(void)loop;
	(void)events;
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		/* It has read enough to refuse: what else comes is dropped. */
		buf_free(&c->to_input);
		close_end(c, STDIN);
	} else if (buf_len(&c->to_input) == 0) {
		ev_io_stop(c->loop, &c->input);
		if (c->input_ends)
			close_end(c, STDIN);
	}
	if (buf_len(&c->to_input) == 0)
		c->events->on_drained(c->data);
}

void subprocess_write(struct subprocess *c, const void *bytes, size_t n)
{
	if (c->fds[STDIN] < 0)
		return;
	if (buf_append(&c->to_input, bytes, n) < 0)
		subprocess_kill(c); /* the caller did not wait for on_drained */
	else
		ev_io_start(c->loop, &c->input);
}

void subprocess_end_input(struct subprocess *c)
{
	c->input_ends = true;
	if (c->fds[STDIN] >= 0)
		ev_io_start(c->loop, &c->input);
}

size_t subprocess_unsent(const struct subprocess *c)
{
	return buf_len(&c->to_input);
}

static void on_output_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct subprocess *c = w->data;
	_cleanup_buf_ struct buf piece = BUF_INIT(PIECE_BYTES);
	ssize_t n = fd_read(c->fds[STDOUT], &piece, PIECE_BYTES);

	(void)loop;
	(void)events;
	if (n == -EAGAIN)
		return;
	if (n > 0) {
		c->events->on_output(c->data, buf_data(&piece), buf_len(&piece));
		return;
	}
	close_end(c, STDOUT);
	settle(c);
}

static void on_words_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct subprocess *c = w->data;

	(void)loop;
	(void)events;
	/* Only the end of a long speech is kept. */
	if (buf_room(&c->from_words) < WORDS_MAX / 4)
		buf_consume(&c->from_words, WORDS_MAX / 2);
	ssize_t n = fd_read(c->fds[STDERR], &c->from_words, WORDS_MAX / 4);
	if (n > 0 || n == -EAGAIN)
		return;
	close_end(c, STDERR);
	settle(c);
}

static void on_control_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct subprocess *c = w->data;
	ssize_t n = fd_read(c->fds[CONTROL], &c->from_control, PIECE_BYTES);
	char *newline;

	(void)loop;
	(void)events;
	if (n == -EAGAIN)
		return;
	while (n > 0 && buf_len(&c->from_control) > 0 &&
		(newline = memchr(buf_data(&c->from_control), '\n', buf_len(&c->from_control))) !=
			NULL) {
		size_t len = (size_t)(newline - buf_data(&c->from_control));
		_cleanup_free_ char *line = xstrndup(buf_data(&c->from_control), len);
		buf_consume(&c->from_control, len + 1);
		c->events->on_line(c->data, line);
	}
	if (n > 0)
		return;
	close_end(c, CONTROL);
	settle(c);
}

static void on_control_writable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct subprocess *c = w->data;
	ssize_t n = send(
		c->fds[CONTROL], buf_data(&c->to_control), buf_len(&c->to_control), MSG_NOSIGNAL);

	(void)events;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		/* It does not listen any more; what it said last is still to be read. */
		buf_clear(&c->to_control);
		ev_io_stop(loop, w);
		return;
	}
	if (n > 0)
		buf_consume(&c->to_control, (size_t)n);
	if (buf_len(&c->to_control) > 0)
		return;
	ev_io_stop(loop, w);
	c->events->on_told(c->data);
}

size_t subprocess_untold(const struct subprocess *c)
{
	return buf_len(&c->to_control);
}

void subprocess_tell(struct subprocess *c, const char *line)
{
	if (c->fds[CONTROL] < 0)
		return;
	if (buf_room(&c->to_control) < strlen(line) + 1) {
		subprocess_kill(c);
		return;
	}
	must(buf_puts(&c->to_control, line) == 0 && buf_puts(&c->to_control, "\n") == 0);
	ev_io_start(c->loop, &c->control_out);
}

void subprocess_pause_output(struct subprocess *c, bool is_paused)
{
	if (c->fds[STDOUT] < 0 || c->is_output_paused == is_paused)
		return;
	c->is_output_paused = is_paused;
	if (is_paused)
		ev_io_stop(c->loop, &c->output);
	else
		ev_io_start(c->loop, &c->output);
}

static void reap(struct subprocess *c, int flags)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(c->pid, &status, flags);
	while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return;
	c->status = pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	c->pid = 0;
	ev_io_stop(c->loop, &c->exited);
	(void)close(take_fd(&c->pidfd));
}

static void on_exited(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct subprocess *c = w->data;

	(void)loop;
	(void)events;
	reap(c, WNOHANG);
	settle(c);
}

void subprocess_kill(struct subprocess *c)
{
	/* It leads its own process group; what it may have started goes with it. */
	if (c->pid != 0 && kill(-c->pid, SIGKILL) < 0)
		(void)kill(c->pid, SIGKILL);
}

static void on_timeout(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct subprocess *c = w->data;

	(void)loop;
	(void)events;
	log_warn("subprocess.timeout", "pid=%d", (int)c->pid);
	subprocess_kill(c);
}

void subprocess_set_timeout(struct subprocess *c, unsigned timeout_s)
{
	ev_timer_stop(c->loop, &c->timeout);
	if (timeout_s > 0) {
		ev_timer_set(&c->timeout, timeout_s, 0.);
		ev_timer_start(c->loop, &c->timeout);
	}
}

/* `theirs` gets the child's ends; both sets are closed by the caller on failure. */
static int make_ends(int ours[ENDS], int theirs[ENDS])
{
	int in[2], out[2], words[2], control[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	theirs[STDIN] = in[0];
	ours[STDIN] = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	ours[STDOUT] = out[0];
	theirs[STDOUT] = out[1];
	if (pipe2(words, O_CLOEXEC) < 0)
		return -errno;
	ours[STDERR] = words[0];
	theirs[STDERR] = words[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
		return -errno;
	ours[CONTROL] = control[0];
	theirs[CONTROL] = control[1];
	for (int i = 0; i < ENDS; i++) {
		int r = fd_set_nonblocking(ours[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void watch(struct subprocess *c)
{
	ev_io_init(&c->input, on_input_writable, c->fds[STDIN], EV_WRITE);
	ev_io_init(&c->output, on_output_readable, c->fds[STDOUT], EV_READ);
	ev_io_init(&c->words, on_words_readable, c->fds[STDERR], EV_READ);
	ev_io_init(&c->control_in, on_control_readable, c->fds[CONTROL], EV_READ);
	ev_io_init(&c->control_out, on_control_writable, c->fds[CONTROL], EV_WRITE);
	ev_io_init(&c->exited, on_exited, c->pidfd, EV_READ);
	ev_init(&c->timeout, on_timeout);
	c->input.data = c->output.data = c->words.data = c->control_in.data = c;
	c->control_out.data = c->exited.data = c->timeout.data = c;
	ev_io_start(c->loop, &c->output);
	ev_io_start(c->loop, &c->words);
	ev_io_start(c->loop, &c->control_in);
	ev_io_start(c->loop, &c->exited);
}

int subprocess_new(struct ev_loop *loop, const char *const *argv,
	const struct subprocess_events *events, void *data, struct subprocess **ret,
	struct err *err)
{
	static const char *const env[] = {
		"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent", NULL};
	int ours[ENDS] = {-1, -1, -1, -1}, theirs[ENDS] = {-1, -1, -1, -1}, pidfd;
	pid_t pid;
	int r = make_ends(ours, theirs);

	if (r < 0) {
		(void)err_errno(err, -r, "cannot start %s", argv[0]);
	} else {
		const struct proc_spec spec = {
			.argv = argv,
			.env = env,
			.fds = {theirs[STDIN], theirs[STDOUT], theirs[STDERR], theirs[CONTROL]},
			.fd_count = ENDS,
			.dies_with_parent = true,
		};
		r = proc_spawn(&spec, &pid, &pidfd, err);
	}
	for (int i = 0; i < ENDS; i++) {
		closep(&theirs[i]);
		if (r < 0)
			closep(&ours[i]);
	}
	if (r < 0)
		return r;
	struct subprocess *c = xnew(struct subprocess);
	c->loop = loop;
	c->events = events;
	c->data = data;
	c->pid = pid;
	c->pidfd = pidfd;
	memcpy(c->fds, ours, sizeof ours);
	c->to_input = BUF_INIT(INPUT_MAX);
	c->from_control = BUF_INIT(LINE_MAX_BYTES);
	c->to_control = BUF_INIT(TOLD_MAX);
	c->from_words = BUF_INIT(WORDS_MAX);
	watch(c);
	*ret = c;
	return 0;
}

void subprocess_free(struct subprocess *c)
{
	if (!c)
		return;
	if (c->pid != 0) {
		subprocess_kill(c);
		reap(c, 0);
	}
	ev_timer_stop(c->loop, &c->timeout);
	for (int i = 0; i < ENDS; i++)
		close_end(c, i);
	buf_free(&c->to_input);
	buf_free(&c->from_control);
	buf_free(&c->to_control);
	buf_free(&c->from_words);
	free(c);
}
