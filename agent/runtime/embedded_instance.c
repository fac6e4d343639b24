/* SPDX-License-Identifier: Apache-2.0
 *
 * Instances of the embedded runtime. Each is a berth-supervise process in a session of its own,
 * which does the real work (supervise/supervisor.c) and outlives the agent; here it is started,
 * watched (its pidfd, and its state file by inotify), told to stop, and found again.
 *
 * On disk, in R/apps/<name>/: spec.json (ours), state.json (the supervisor's), app.sock (the app's).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "agent/runtime/embedded.h"
#include "agent/runtime/process_tree.h"
#include "agent/runtime/release_volumes.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"

#define STOP_TIMEOUT_DEFAULT_MS 10000
#define RESPAWN_DELAY_S 1.0
#define RESPAWN_RETRY_S 2. /* it cannot be started just now */
#define REASON_SHOWN 90 /* of an error, as the reason of a state */
#define UNIX_PATH_MAX 107 /* sun_path less its NUL */

void embedded_signal(int pidfd, int sig)
{
	if (pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

static char *folder(const struct embedded *e, const char *name)
{
	return xasprintf("%s/apps/%s", e->run, name);
}

static struct embedded_instance *find(struct embedded *e, const char *name)
{
	list_for_each (it, &e->instances) {
		struct embedded_instance *i = container_of(it, struct embedded_instance, link);
		if (streq(i->name, name))
			return i;
	}
	return NULL;
}

void embedded_instance_free(struct embedded_instance *i)
{
	if (!i)
		return;
	ev_io_stop(i->owner->rt.loop, &i->on_exit);
	ev_timer_stop(i->owner->rt.loop, &i->soon);
	if (i->pidfd >= 0)
		(void)close(i->pidfd);
	if (i->watch >= 0)
		(void)inotify_rm_watch(i->owner->inotify, i->watch);
	list_remove(&i->link);
	free(i);
}

void embedded_instance_status(const struct embedded_instance *i, struct instance_status *ret)
{
	*ret = (struct instance_status){
		.id = i->spec.id,
		.state = i->seen.state,
		.restarts = i->seen.restarts + i->supervisor_deaths,
		.since_ms = i->seen.since_ms,
		.memory_bytes = i->pid > 0 ? process_tree_memory(i->pid) : 0,
	};
	if (i->seen.state != INSTANCE_RUNNING)
		(void)!str_copy(ret->reason, sizeof ret->reason, str_from(i->seen.reason));
}

static void report(struct embedded_instance *i)
{
	const struct runtime_callbacks *callbacks = &i->owner->rt.callbacks;
	struct instance_status status;

	embedded_instance_status(i, &status);
	if (callbacks->on_instance_change)
		callbacks->on_instance_change(callbacks->data, &status);
}

static void read_state(struct embedded_instance *i)
{
	_cleanup_free_ char *dir = folder(i->owner, i->name);
	_cleanup_free_ char *path = xasprintf("%s/state.json", dir);
	struct supervised now;

	/* A file of an earlier supervisor is not about this one. */
	if (supervised_read(path, &now) < 0 || now.pid != i->pid || now.ended)
		return;
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): both are zeroed before they are read */
	if (memcmp(&now, &i->seen, sizeof now) == 0)
		return;
	i->seen = now;
	if (!i->stopping)
		report(i);
}

void embedded_instance_on_state(struct embedded *e, int watch)
{
	list_for_each (it, &e->instances) {
		struct embedded_instance *i = container_of(it, struct embedded_instance, link);
		if (i->watch == watch) {
			read_state(i);
			return;
		}
	}
}

static void add_supervisor(struct command *c, const struct embedded_instance *i)
{
	const struct embedded *e = i->owner;
	uint64_t stop_timeout_ms =
		i->spec.stop_timeout_ms ? i->spec.stop_timeout_ms : STOP_TIMEOUT_DEFAULT_MS;

	command_add_owned(c, xasprintf("%s/berth-supervise", e->programs));
	command_add_option(c, "--state", xasprintf("%s/apps/%s/state.json", e->run, i->name));
	command_add_option(
		c, "--log", xasprintf("%s/logs/%s/%s.log", e->state, i->spec.id.app, i->name));
	command_add(c, "--restart");
	command_add_number(c, "--stop-timeout-ms", stop_timeout_ms);
	if (i->spec.memory_max > 0)
		command_add_number(c, "--memory-max", i->spec.memory_max);
	command_add(c, "--");
}

static void add_launch(struct command *c, const struct embedded_instance *i)
{
	const struct embedded *e = i->owner;
	const struct instance_id *id = &i->spec.id;
	const struct embedded_code code = {
		id->app, id->release, i->spec.code_release ? i->spec.code_release : id->release};

	embedded_add_launch(e, c, &code);
	command_add_option(c, "--process", xstrdup(id->process));
	command_add_number(c, "--index", id->index);
	if (i->spec.listens && i->spec.port > 0)
		command_add_number(c, "--port", i->spec.port);
	else if (i->spec.listens)
		command_add_option(
			c, "--listen", xasprintf("unix:%s/apps/%s/app.sock", e->run, i->name));
}

static void on_exit_readable(struct ev_loop *loop, ev_io *watcher, int events);

static void watch_exit(struct embedded_instance *i)
{
	ev_io_set(&i->on_exit, i->pidfd, EV_READ);
	ev_io_start(i->owner->rt.loop, &i->on_exit);
}

static int spawn(struct embedded_instance *i, struct err *err)
{
	_cleanup_command_ struct command c = {0};

	add_supervisor(&c, i);
	add_launch(&c, i);
	struct proc_spec spec = {.argv = c.argv, .fds = {-1, -1, STDERR_FILENO}, .fd_count = 3};
	int r = proc_spawn(&spec, &i->pid, &i->pidfd, err);
	if (r < 0)
		return r;
	watch_exit(i);
	return 0;
}

static void remove_folder(const struct embedded *e, const char *name)
{
	_cleanup_free_ char *dir = folder(e, name);
	(void)file_remove_tree(dir, NULL);
}

static int start_now(struct embedded_instance *i, struct err *err)
{
	_cleanup_free_ char *dir = folder(i->owner, i->name);
	_cleanup_free_ char *logs = xasprintf("%s/logs/%s", i->owner->state, i->spec.id.app);
	_cleanup_free_ char *spec_path = xasprintf("%s/spec.json", dir);

	int r = file_make_dirs(dir, S_IRWXU, err);
	if (r == 0)
		r = file_make_dirs(logs, S_IRWXU, err);
	if (r == 0)
		r = release_make_volumes(i->owner->state, &i->spec.id, err);
	if (r == 0)
		r = supervised_write_spec(spec_path, &i->spec, err);
	if (r < 0)
		return r;
	if (i->watch < 0)
		i->watch = inotify_add_watch(i->owner->inotify, dir, IN_MOVED_TO | IN_ONLYDIR);
	if (i->watch < 0)
		return err_errno(err, errno, "cannot watch %s", dir);
	r = spawn(i, err);
	if (r == 0)
		read_state(i);
	return r;
}

static void stopped(struct embedded_instance *i)
{
	const struct runtime_callbacks *callbacks = &i->owner->rt.callbacks;
	struct embedded *e = i->owner;
	struct instance_spec spec = i->spec;
	bool start_again = i->start_again;

	remove_folder(e, i->name);
	embedded_instance_free(i);
	if (callbacks->on_instance_stopped)
		callbacks->on_instance_stopped(callbacks->data, &spec.id);
	if (start_again)
		(void)embedded_instance_start(e, &spec, NULL);
}

/* The supervisor itself was killed: its program died with it, another one takes over. */
static void supervisor_died(struct embedded_instance *i)
{
	i->supervisor_deaths++;
	i->seen.state = INSTANCE_RESTARTING;
	(void)snprintf(i->seen.reason, sizeof i->seen.reason, "its supervisor was killed");
	ev_timer_set(&i->soon, RESPAWN_DELAY_S, 0.);
	ev_timer_start(i->owner->rt.loop, &i->soon);
	report(i);
}

static void on_exit_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct embedded_instance *i = container_of(watcher, struct embedded_instance, on_exit);
	(void)events;

	ev_io_stop(loop, watcher);
	(void)waitpid(i->pid, NULL, WNOHANG); /* adopted ones are not our children: fine */
	(void)close(take_fd(&i->pidfd));
	i->pid = 0;
	if (i->stopping)
		stopped(i);
	else
		supervisor_died(i);
}

static void on_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct embedded_instance *i = container_of(timer, struct embedded_instance, soon);
	struct err err = {0};
	(void)events;

	ev_timer_stop(loop, timer);
	if (i->stopping) {
		stopped(i);
	} else if (i->pid == 0 && start_now(i, &err) < 0) {
		/* It ran before: what is in the way now, a full disk, will go. */
		bool is_news = strncmp(i->seen.reason, err.msg, REASON_SHOWN) != 0;
		(void)snprintf(
			i->seen.reason, sizeof i->seen.reason, "%.*s", REASON_SHOWN, err.msg);
		if (is_news)
			report(i);
		ev_timer_set(timer, RESPAWN_RETRY_S, 0.);
		ev_timer_start(loop, timer);
	}
}

static struct embedded_instance *instance_new(
	struct embedded *e, const struct instance_spec *spec, const char *name)
{
	struct embedded_instance *i = xnew(struct embedded_instance);

	i->owner = e;
	i->spec = *spec;
	(void)!str_copy(i->name, sizeof i->name, str_from(name));
	i->pidfd = i->watch = -1;
	i->seen.state = INSTANCE_STARTING;
	ev_init(&i->on_exit, on_exit_readable);
	ev_init(&i->soon, on_soon);
	list_append(&e->instances, &i->link);
	return i;
}

int embedded_instance_start(struct embedded *e, const struct instance_spec *spec, struct err *err)
{
	char name[INSTANCE_NAME_MAX], address[RUNTIME_ADDRESS_MAX];
	const struct runtime_paths paths = {e->state, e->run, e->programs};

	instance_name(&spec->id, name);
	runtime_address(&paths, spec, address);
	if (spec->listens && spec->port == 0 && strlen(address) - 5 > UNIX_PATH_MAX)
		return err_set(err, ENAMETOOLONG,
			"the socket path %s is longer than %d bytes; use a shorter folder",
			address + 5, UNIX_PATH_MAX);
	struct embedded_instance *i = find(e, name);
	if (i) {
		i->start_again = i->stopping;
		return 0;
	}
	i = instance_new(e, spec, name);
	int r = start_now(i, err);
	if (r < 0)
		embedded_instance_free(i);
	return r;
}

int embedded_instance_stop(struct embedded *e, const struct instance_id *id, struct err *err)
{
	const struct instance_spec spec = {.id = *id};
	char name[INSTANCE_NAME_MAX];
	(void)err;

	instance_name(id, name);
	struct embedded_instance *i = find(e, name);
	if (!i)
		i = instance_new(e, &spec, name);
	i->start_again = false;
	if (i->stopping)
		return 0;
	i->stopping = true;
	if (i->pid > 0) {
		embedded_signal(i->pidfd, SIGTERM);
	} else {
		ev_timer_set(&i->soon, 0., 0.);
		ev_timer_start(e->rt.loop, &i->soon);
	}
	return 0;
}

/* A pidfd for a process that is still the one whose start time was written down; else -1. */
static int open_process(pid_t pid, uint64_t start_time)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* Checked after opening: the pidfd cannot come to mean another process. */
	if (pidfd >= 0 && proc_start_time(pid) != start_time)
		(void)close(take_fd(&pidfd));
	return pidfd;
}

void embedded_instance_adopt(struct embedded *e, const char *name)
{
	struct instance_spec spec = {0};
	struct supervised state;

	_cleanup_free_ char *dir = folder(e, name);
	_cleanup_free_ char *state_path = xasprintf("%s/state.json", dir);
	_cleanup_free_ char *spec_path = xasprintf("%s/spec.json", dir);
	int pidfd = -1;
	if (supervised_read(state_path, &state) == 0 && !state.ended)
		pidfd = open_process(state.pid, state.start_time);
	if (pidfd < 0) {
		(void)file_remove_tree(dir, NULL);
		return;
	}
	bool whole =
		supervised_read_spec(spec_path, &spec) == 0 && instance_parse(name, &spec.id) == 0;
	if (!whole) {
		/* Nobody can want it: it ends on its own, the folder goes with the next start. */
		embedded_signal(pidfd, SIGTERM);
		(void)close(pidfd);
		return;
	}
	struct embedded_instance *i = instance_new(e, &spec, name);
	i->pid = state.pid;
	i->pidfd = pidfd;
	i->seen = state;
	i->watch = inotify_add_watch(e->inotify, dir, IN_MOVED_TO | IN_ONLYDIR);
	watch_exit(i);
}
