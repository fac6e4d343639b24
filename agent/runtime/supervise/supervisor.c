/* SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor's loop: poll(2) over a signalfd, the program's pidfd and its output.
 */
#include "agent/runtime/supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/runtime/process_tree.h"
#include "agent/runtime/supervise/log_file.h"
#include "agent/runtime/supervise/log_prune.h"
#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"

#define BACKOFF_MAX_MS 30000
#define STABLE_MS 60000 /* after running this long the next restart is quick again */
#define MEMORY_PERIOD_MS 200
#define OUTPUT_CHUNK 65536

enum phase { PHASE_WAITING, PHASE_RUNNING, PHASE_STOPPING, PHASE_ENDED };

struct supervisor {
	const struct supervise_options *options;
	enum phase phase;
	int signals, pidfd, output;
	pid_t pid;
	struct log_file log;
	struct buf chunk;
	/* monotonic; INT64_MAX: never */
	int64_t start_at_ms, kill_at_ms, deadline_ms, memory_at_ms;
	int64_t started_ms, since_wall_ms;
	int64_t backoff_ms;
	unsigned restarts;
	bool stop_asked, timed_out, out_of_memory;
	int exit_status; /* of the last run, -1: none or a signal */
	char reason[96];
};

static const char *state_name(const struct supervisor *s)
{
	switch (s->phase) {
	case PHASE_WAITING:
		return s->restarts > 0 ? "restarting" : "starting";
	case PHASE_RUNNING:
	case PHASE_STOPPING:
		return "running";
	case PHASE_ENDED:
		return "ended";
	}
	return "";
}

/* No words of the program itself get in here, so nothing needs escaping. */
static void write_state(const struct supervisor *s)
{
	char text[512];

	int n = snprintf(text, sizeof text,
		"{\"pid\":%d,\"start_time\":%llu,\"state\":\"%s\",\"restarts\":%u,\"since_ms\":%lld,"
		"\"exit\":%d,\"timed_out\":%s,\"out_of_memory\":%s,\"reason\":\"%s\"}\n",
		(int)getpid(), (unsigned long long)proc_start_time(getpid()), state_name(s),
		s->restarts, (long long)s->since_wall_ms, s->exit_status,
		s->timed_out ? "true" : "false", s->out_of_memory ? "true" : "false", s->reason);
	/* A folder that is gone or a full disk must not end a running app. */
	(void)file_replace(s->options->state_path, text, (size_t)n, S_IRUSR | S_IWUSR, NULL);
}

static void set_phase(struct supervisor *s, enum phase phase)
{
	s->phase = phase;
	if (phase == PHASE_WAITING || phase == PHASE_ENDED)
		s->kill_at_ms = s->deadline_ms = s->memory_at_ms = INT64_MAX;
	if (phase != PHASE_WAITING)
		s->start_at_ms = INT64_MAX;
	write_state(s);
}

static void read_output(struct supervisor *s)
{
	if (s->output < 0)
		return;
	buf_clear(&s->chunk);
	ssize_t n = fd_read(s->output, &s->chunk, OUTPUT_CHUNK);
	if (n > 0) {
		log_file_feed(&s->log, buf_data(&s->chunk), buf_len(&s->chunk));
	} else if (n != -EAGAIN) {
		(void)close(take_fd(&s->output));
		log_file_end_line(&s->log);
	}
}

static int spawn(struct supervisor *s, struct err *err)
{
	int out[2] = {-1, -1};

	if (s->options->log_path && pipe2(out, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot create a pipe");
	struct proc_spec spec = {
		.argv = s->options->argv,
		.fds = {-1, out[1] >= 0 ? out[1] : STDOUT_FILENO,
			out[1] >= 0 ? out[1] : STDERR_FILENO},
		.fd_count = 3,
		.dies_with_parent = true,
	};
	int r = proc_spawn(&spec, &s->pid, &s->pidfd, err);
	if (out[1] >= 0)
		(void)close(out[1]);
	if (r < 0) {
		if (out[0] >= 0)
			(void)close(out[0]);
		return r;
	}
	if (out[0] >= 0) {
		(void)fd_set_nonblocking(out[0]);
		s->output = out[0];
	}
	return 0;
}

static void plan_restart(struct supervisor *s)
{
	int64_t now = clock_monotonic_ms();

	if (s->started_ms > 0 && now - s->started_ms >= STABLE_MS)
		s->backoff_ms = 0;
	s->backoff_ms = s->backoff_ms == 0 ? 1000 : s->backoff_ms * 2;
	if (s->backoff_ms > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
	s->start_at_ms = now + s->backoff_ms;
	s->restarts++;
	set_phase(s, PHASE_WAITING);
}

static void over(struct supervisor *s)
{
	if (s->options->restart && !s->stop_asked)
		plan_restart(s);
	else
		set_phase(s, PHASE_ENDED);
}

static void start(struct supervisor *s)
{
	struct err err = {0};

	s->since_wall_ms = clock_wall_ms();
	s->started_ms = clock_monotonic_ms();
	s->exit_status = -1;
	s->timed_out = s->out_of_memory = false;
	if (spawn(s, &err) < 0) {
		(void)snprintf(
			s->reason, sizeof s->reason, "could not be started (errno %d)", err.code);
		if (s->options->log_path) {
			log_file_feed(&s->log, err.msg, strlen(err.msg));
			log_file_end_line(&s->log);
		}
		over(s);
		return;
	}
	if (s->options->timeout_ms > 0)
		s->deadline_ms = s->started_ms + (int64_t)s->options->timeout_ms;
	if (s->options->memory_max > 0)
		s->memory_at_ms = s->started_ms + MEMORY_PERIOD_MS;
	set_phase(s, PHASE_RUNNING);
}

/* Every descendant dies here, those that left the session too: we are their subreaper. */
static void kill_all(struct supervisor *s)
{
	while (process_tree_signal(getpid(), SIGKILL) > 0) {
		siginfo_t info;
		/* The program itself is left to on_program_exit, which wants its status. */
		while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			info.si_pid != 0 && info.si_pid != s->pid)
			(void)waitpid(info.si_pid, NULL, 0);
		(void)poll(NULL, 0, 2);
	}
}

static void on_program_exit(struct supervisor *s)
{
	int status = 0;

	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	(void)close(take_fd(&s->pidfd));
	kill_all(s);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	/* Nobody holds the pipe any more: what is in it is the rest. */
	while (s->output >= 0)
		read_output(s);
	if (WIFEXITED(status))
		s->exit_status = WEXITSTATUS(status);
	char limit[32];
	if (s->out_of_memory) {
		format_size(s->options->memory_max, limit, sizeof limit);
		(void)snprintf(s->reason, sizeof s->reason, "ran out of memory (limit %s)", limit);
	} else if (s->timed_out) {
		format_duration(s->options->timeout_ms, limit, sizeof limit);
		(void)snprintf(s->reason, sizeof s->reason, "took longer than %s", limit);
	} else if (s->stop_asked) {
		(void)snprintf(s->reason, sizeof s->reason, "was stopped");
	} else {
		proc_describe_status(status, s->reason, sizeof s->reason);
	}
	over(s);
}

static void ask_to_stop(struct supervisor *s)
{
	s->stop_asked = true;
	if (s->phase == PHASE_WAITING) {
		set_phase(s, PHASE_ENDED);
	} else if (s->phase == PHASE_RUNNING) {
		(void)kill(-s->pid, SIGTERM);
		s->kill_at_ms = clock_monotonic_ms() + (int64_t)s->options->stop_timeout_ms;
		set_phase(s, PHASE_STOPPING);
	}
}

static void on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo != SIGCHLD) {
			ask_to_stop(s);
			continue;
		}
		/* Orphans that were given to us; the program's own status waits for on_program_exit. */
		siginfo_t child = {0};
		while (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			child.si_pid != 0 && child.si_pid != s->pid)
			(void)waitpid(child.si_pid, NULL, 0);
	}
}

static void on_time(struct supervisor *s)
{
	int64_t now = clock_monotonic_ms();

	if (now >= s->start_at_ms)
		start(s);
	if (now >= s->memory_at_ms) {
		s->memory_at_ms = now + MEMORY_PERIOD_MS;
		if (process_tree_memory(getpid()) > s->options->memory_max) {
			s->out_of_memory = true;
			kill_all(s);
		}
	}
	if (now >= s->deadline_ms) {
		s->timed_out = true;
		s->deadline_ms = INT64_MAX;
		kill_all(s);
	}
	if (now >= s->kill_at_ms) {
		s->kill_at_ms = INT64_MAX;
		kill_all(s);
	}
}

static int poll_timeout(const struct supervisor *s)
{
	const int64_t times[] = {s->start_at_ms, s->kill_at_ms, s->deadline_ms, s->memory_at_ms};
	int64_t next = INT64_MAX, now = clock_monotonic_ms();

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i] < next)
			next = times[i];
	if (next == INT64_MAX)
		return -1;
	int64_t left = next - now;
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static int prepare(struct supervisor *s, struct err *err)
{
	sigset_t set;

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* SIGTERM and not SIGKILL: the whole build goes with the agent, not only its first process. */
	if (s->options->parent > 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != s->options->parent)
			return err_set(err, ESRCH, "the agent has ended");
	}
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? err_errno(err, errno, "cannot create a signalfd") : 0;
}

int supervise(const struct supervise_options *options, struct err *err)
{
	struct supervisor s = {
		.options = options,
		.signals = -1,
		.pidfd = -1,
		.output = -1,
		.kill_at_ms = INT64_MAX,
		.deadline_ms = INT64_MAX,
		.memory_at_ms = INT64_MAX,
		.exit_status = -1,
		.chunk = BUF_INIT(OUTPUT_CHUNK),
	};

	int r = prepare(&s, err);
	if (r < 0)
		return r;
	if (options->log_path) {
		log_prune(options->log_path, LOG_PRUNE_FILES, LOG_PRUNE_BYTES);
		log_file_init(&s.log, options->log_path, LOG_FILE_MAX);
	}
	start(&s);
	while (s.phase != PHASE_ENDED) {
		struct pollfd fds[] = {
			{s.signals, POLLIN, 0}, {s.pidfd, POLLIN, 0}, {s.output, POLLIN, 0}};
		(void)poll(fds, ARRAY_SIZE(fds), poll_timeout(&s));
		if (fds[2].revents != 0)
			read_output(&s);
		if (fds[1].revents != 0)
			on_program_exit(&s);
		on_signal(&s);
		on_time(&s);
	}
	if (options->log_path)
		log_file_free(&s.log);
	buf_free(&s.chunk);
	(void)close(s.signals);
	return 0;
}
