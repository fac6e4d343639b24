/* SPDX-License-Identifier: Apache-2.0
 *
 * One step at a time: a shell, a pipe, and an end for all of its processes.
 */
#include "builders/execute.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "builders/environment.h"
#include "builders/keep.h"
#include "builders/output.h"
#include "lib/base/clock.h"
#include "lib/sys/fd.h"
#include "lib/sys/proc.h"

#define PENDING_MAX (OUTPUT_LINE_MAX + 4096)
#define READ_SIZE 8192
/* How long a process that left its group may hold the pipe open after the step's shell ended. */
#define STRAGGLER_MS 2000

struct running {
	const struct execution *x;
	pid_t pid;
	int pidfd, pipe, signals;
	struct buf pending;
	int wait_status;
	bool over, interrupted;
};

/* Reads what is there; false at end of file. */
static bool take_output(struct running *r)
{
	ssize_t n = fd_read(r->pipe, &r->pending, READ_SIZE);

	output_tool_bytes(r->x->out_fd, &r->pending, false, r->x->secrets);
	return n > 0 || n == -EAGAIN || n == -ENOBUFS;
}

static void kill_group(const struct running *r)
{
	(void)kill(-r->pid, SIGKILL);
}

/* Children that left the step's group were given to us (PR_SET_CHILD_SUBREAPER): end them, too. */
static void end_stragglers(void)
{
	char path[64], list[4096];

	for (int round = 0; round < 100; round++) {
		(void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, list, sizeof list - 1);
		if (n <= 0)
			return;
		list[n] = '\0';
		for (char *p = list, *end; *p; p = end) {
			long pid = strtol(p, &end, 10);
			if (end == p || pid <= 0)
				break;
			(void)kill((pid_t)pid, SIGKILL);
			(void)waitpid((pid_t)pid, NULL, 0);
			end += *end == ' ';
		}
	}
}

static void on_shell_end(struct running *r)
{
	(void)waitpid(r->pid, &r->wait_status, 0);
	r->over = true;
	kill_group(r);
}

static void on_signal(struct running *r)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		r->interrupted = true;
		kill_group(r);
	}
}

/* Until the shell has ended and its output is read. */
static void watch(struct running *r)
{
	int64_t deadline = INT64_MAX;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = r->pipe, .events = POLLIN},
			{.fd = r->over ? -1 : r->pidfd, .events = POLLIN},
			{.fd = r->interrupted ? -1 : r->signals, .events = POLLIN},
		};
		int64_t left = r->over ? deadline - clock_monotonic_ms() : 1000;
		if (r->over && left <= 0)
			return;
		if (poll(fds, ARRAY_SIZE(fds), (int)left) < 0 && errno != EINTR)
			return;
		if (fds[2].revents)
			on_signal(r);
		if (fds[1].revents) {
			on_shell_end(r);
			end_stragglers();
			deadline = clock_monotonic_ms() + STRAGGLER_MS;
		}
		if (fds[0].revents && !take_output(r) && r->over)
			return;
		if (fds[0].revents & POLLHUP && !r->over && buf_len(&r->pending) == 0)
			(void)poll(&fds[1], 2,
				1000); /* closed its output, still runs: wait for its end */
	}
}

static int start(struct running *r, const struct plan_step *step, struct err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", step->command, NULL};
	int out[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start the step %s", step->name);
	char **env = environment_array(r->x->env);
	const struct proc_spec spec = {
		.argv = argv,
		.env = (const char *const *)env,
		.dir = r->x->app_dir,
		.fds = {-1, out[1], out[1]},
		.fd_count = 3,
		.dies_with_parent = true,
	};
	int e = proc_spawn(&spec, &r->pid, &r->pidfd, err);
	environment_array_free(env);
	(void)close(out[1]);
	r->pipe = out[0];
	(void)fd_set_nonblocking(r->pipe);
	return e;
}

static int step_result(
	const struct running *r, const struct plan_step *step, int64_t ms, struct err *err)
{
	char words[64];

	if (!r->interrupted && WIFEXITED(r->wait_status) && WEXITSTATUS(r->wait_status) == 0) {
		output_step_done(r->x->out_fd, step->name, ms);
		return 0;
	}
	output_step_failed(r->x->out_fd, step->name, ms,
		WIFEXITED(r->wait_status) ? WEXITSTATUS(r->wait_status)
					  : 128 + WTERMSIG(r->wait_status));
	if (r->interrupted)
		return err_set(err, EINTR, "the step \"%s\" was stopped", step->name);
	proc_describe_status(r->wait_status, words, sizeof words);
	if (WIFSIGNALED(r->wait_status) && WTERMSIG(r->wait_status) == SIGKILL)
		return err_set(err, ECHILD,
			"the step \"%s\" %s, probably for lack of memory; build.memory in berth.yaml "
			"says how much it may have",
			step->name, words);
	return err_set(err, ECHILD, "the step \"%s\" %s: %s", step->name, words, step->command);
}

static int run_step(
	const struct execution *x, const struct plan_step *step, int signals, struct err *err)
{
	struct running r = {.x = x, .signals = signals, .pipe = -1, .pidfd = -1};
	int64_t began = clock_monotonic_ms();

	buf_init(&r.pending, PENDING_MAX);
	output_step_started(x->out_fd, step->name);
	if (step->key && keep_restore(x->cache_dir, x->app_dir, step)) {
		output_log(x->out_fd, "nothing changed since the last build: kept its result");
		output_step_done(x->out_fd, step->name, clock_monotonic_ms() - began);
		return 0;
	}
	int e = start(&r, step, err);
	if (e == 0) {
		watch(&r);
		output_tool_bytes(x->out_fd, &r.pending, true, x->secrets);
		e = step_result(&r, step, clock_monotonic_ms() - began, err);
		if (e == 0 && step->key)
			keep_save(x->cache_dir, x->app_dir, step);
	} else {
		output_step_failed(x->out_fd, step->name, 0, 127);
	}
	closep(&r.pipe);
	closep(&r.pidfd);
	buf_free(&r.pending);
	return e;
}

int execute_steps(const struct execution *x, const struct plan *p, struct err *err)
{
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	_cleanup_close_ int signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (signals < 0)
		return err_errno(err, errno, "signalfd");
	for (size_t i = 0; i < p->step_count; i++) {
		int r = run_step(x, &p->steps[i], signals, err);
		if (r < 0)
			return r;
	}
	return 0;
}
