/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks of the embedded runtime: a build or a release command, run once under berth-supervise, which
 * ends with the agent. Output comes through a pipe; the task is done when the supervisor has ended
 * (so no process is left) and the pipe is empty.
 *
 * There are no control groups here: the memory limit is enforced by berth-supervise adding up the
 * private memory of the task's processes five times a second. Real limits need the systemd runtime.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/runtime/embedded.h"
#include "agent/runtime/release_volumes.h"
#include "agent/runtime/task_output.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"

#define STOP_TIMEOUT_MS 3000

struct embedded_task {
	struct list link;
	struct embedded *owner;
	struct task_spec spec;
	char *state_path;
	pid_t pid;
	int pidfd;
	struct task_output output;
	bool cancelled;
	ev_io on_exit;
};

static void task_free(struct embedded_task *t)
{
	ev_io_stop(t->owner->rt.loop, &t->on_exit);
	if (t->pidfd >= 0)
		(void)close(t->pidfd);
	task_output_release(&t->output);
	list_remove(&t->link);
	free(t->state_path);
	free(t);
}

static struct embedded_task *find(struct embedded *e, const struct task_spec *spec)
{
	list_for_each (it, &e->tasks) {
		struct embedded_task *t = container_of(it, struct embedded_task, link);
		if (t->spec.kind == spec->kind && t->spec.release == spec->release &&
			streq(t->spec.app, spec->app))
			return t;
	}
	return NULL;
}

static struct task_result read_result(const struct embedded_task *t)
{
	struct task_result result = {.exit_status = -1};
	struct supervised state;

	if (supervised_read(t->state_path, &state) < 0 || !state.ended) {
		(void)snprintf(result.reason, sizeof result.reason, "its supervisor was killed");
		return result;
	}
	result.timed_out = state.timed_out;
	result.out_of_memory = state.out_of_memory;
	result.exit_status = state.exit_status;
	result.ok =
		state.exit_status == 0 && !state.timed_out && !state.out_of_memory && !t->cancelled;
	if (t->cancelled)
		(void)snprintf(result.reason, sizeof result.reason, "was cancelled");
	else if (!result.ok)
		(void)snprintf(result.reason, sizeof result.reason, "%s", state.reason);
	return result;
}

static void finish_if_over(struct embedded_task *t)
{
	const struct runtime_callbacks callbacks = t->owner->rt.callbacks;
	const struct task_spec spec = t->spec;

	if (t->pidfd >= 0 || t->output.fd >= 0)
		return;
	struct task_result result = read_result(t);
	(void)unlink(t->state_path);
	task_free(t);
	if (callbacks.on_task_done)
		callbacks.on_task_done(callbacks.data, &spec, &result);
}

static void on_line_of_task(void *data, struct str line)
{
	struct embedded_task *t = data;
	const struct runtime_callbacks *callbacks = &t->owner->rt.callbacks;

	if (callbacks->on_task_line)
		callbacks->on_task_line(callbacks->data, &t->spec, line);
}

static void on_output_end(void *data)
{
	finish_if_over(data);
}

static void on_exit_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct embedded_task *t = container_of(watcher, struct embedded_task, on_exit);
	(void)events;

	ev_io_stop(loop, watcher);
	(void)waitpid(t->pid, NULL, WNOHANG);
	(void)close(take_fd(&t->pidfd));
	finish_if_over(t);
}

static void add_build(struct command *c, const struct embedded_task *t, unsigned code)
{
	const struct embedded *e = t->owner;
	_cleanup_free_ char *app = xasprintf("%s/apps/%s", e->state, t->spec.app);
	char *env = xasprintf("%s/releases/%u/build.env", app, t->spec.release);

	command_add_owned(c, xasprintf("%s/berth-build", e->programs));
	if (t->spec.plan_only)
		command_add(c, "--plan-only");
	command_add_option(c, "--app-dir", xasprintf("%s/releases/%u/app", app, code));
	command_add_option(
		c, "--plan-out", xasprintf("%s/releases/%u/plan.json", app, t->spec.release));
	command_add_option(c, "--cache-dir", xasprintf("%s/cache/%s", e->state, t->spec.app));
	if (file_exists(env))
		command_add_option(c, "--env-file", env);
	else
		free(env);
}

static void add_program(struct command *c, const struct embedded_task *t)
{
	const struct embedded_code code = {t->spec.app, t->spec.release,
		t->spec.code_release ? t->spec.code_release : t->spec.release};

	if (t->spec.kind == TASK_BUILD) {
		add_build(c, t, code.code_release);
		return;
	}
	embedded_add_launch(t->owner, c, &code);
	command_add(c, "--release-command");
}

static int spawn(struct embedded_task *t, struct err *err)
{
	_cleanup_command_ struct command c = {0};
	int out[2];

	command_add_owned(&c, xasprintf("%s/berth-supervise", t->owner->programs));
	command_add_option(&c, "--state", xstrdup(t->state_path));
	command_add_number(&c, "--parent", (uint64_t)getpid());
	command_add_number(&c, "--stop-timeout-ms", STOP_TIMEOUT_MS);
	if (t->spec.memory_max > 0)
		command_add_number(&c, "--memory-max", t->spec.memory_max);
	if (t->spec.timeout_ms > 0)
		command_add_number(&c, "--timeout-ms", t->spec.timeout_ms);
	command_add(&c, "--");
	add_program(&c, t);
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot create a pipe");
	struct proc_spec spec = {.argv = c.argv, .fds = {-1, out[1], out[1]}, .fd_count = 3};
	if (t->spec.kind == TASK_BUILD)
		spec.nice = 10;
	int r = proc_spawn(&spec, &t->pid, &t->pidfd, err);
	(void)close(out[1]);
	if (r < 0)
		(void)close(out[0]);
	else
		task_output_open(&t->output, out[0]);
	return r;
}

static int prepare(const struct embedded_task *t, struct err *err)
{
	const struct embedded *e = t->owner;
	const struct instance_id id = {.release = t->spec.release};
	struct instance_id with_app = id;
	_cleanup_free_ char *tasks = xasprintf("%s/tasks", e->run);
	_cleanup_free_ char *cache = xasprintf("%s/cache/%s", e->state, t->spec.app);

	(void)!str_copy(with_app.app, sizeof with_app.app, str_from(t->spec.app));
	int r = file_make_dirs(tasks, S_IRWXU, err);
	if (r == 0 && t->spec.kind == TASK_BUILD)
		r = file_make_dirs(cache, S_IRWXU, err);
	if (r == 0 && t->spec.kind == TASK_RELEASE_COMMAND)
		r = release_make_volumes(e->state, &with_app, err);
	return r;
}

int embedded_task_run(struct embedded *e, const struct task_spec *spec, struct err *err)
{
	if (find(e, spec))
		return 0;
	struct embedded_task *t = xnew(struct embedded_task);
	t->owner = e;
	t->spec = *spec;
	t->pidfd = -1;
	t->state_path = xasprintf("%s/tasks/%s.%u.%s.json", e->run, spec->app, spec->release,
		spec->kind == TASK_BUILD ? "build" : "release");
	task_output_init(&t->output, e->rt.loop, on_line_of_task, on_output_end, t);
	ev_init(&t->on_exit, on_exit_readable);
	list_append(&e->tasks, &t->link);
	(void)unlink(t->state_path);
	int r = prepare(t, err);
	if (r == 0)
		r = spawn(t, err);
	if (r < 0) {
		task_free(t);
		return r;
	}
	ev_io_set(&t->on_exit, t->pidfd, EV_READ);
	ev_io_start(e->rt.loop, &t->on_exit);
	return 0;
}

int embedded_task_cancel(struct embedded *e, const struct task_spec *spec)
{
	struct embedded_task *t = find(e, spec);

	if (t) {
		t->cancelled = true;
		embedded_signal(t->pidfd, SIGTERM);
	}
	return 0;
}

void embedded_cancel_tasks_of(struct embedded *e, const char *app)
{
	list_for_each (it, &e->tasks) {
		struct embedded_task *t = container_of(it, struct embedded_task, link);
		if (streq(t->spec.app, app)) {
			t->cancelled = true;
			embedded_signal(t->pidfd, SIGTERM);
		}
	}
}

void embedded_free_tasks(struct embedded *e)
{
	list_for_each_safe (it, &e->tasks) {
		struct embedded_task *t = container_of(it, struct embedded_task, link);
		embedded_signal(t->pidfd, SIGTERM);
		task_free(t);
	}
}
