/* SPDX-License-Identifier: Apache-2.0
 *
 * struct embedded: the runtime of standalone mode. No root, no systemd: apps run as the agent's own
 * user, each process under a berth-supervise. It confines nothing; it is for development, tests and
 * containers that confine by themselves.
 */
#include "agent/runtime/embedded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/runtime/trash.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"

static struct embedded *from(struct runtime *rt)
{
	return container_of(rt, struct embedded, rt);
}

static int op_start(struct runtime *rt, const struct instance_spec *spec, struct err *err)
{
	return embedded_instance_start(from(rt), spec, err);
}

static int op_stop(struct runtime *rt, const struct instance_id *id, struct err *err)
{
	return embedded_instance_stop(from(rt), id, err);
}

static int op_run_task(struct runtime *rt, const struct task_spec *spec, struct err *err)
{
	return embedded_task_run(from(rt), spec, err);
}

static int op_cancel_task(struct runtime *rt, const struct task_spec *spec)
{
	return embedded_task_cancel(from(rt), spec);
}

static int op_list(struct runtime *rt, void (*each)(void *data, const struct instance_status *s),
	void *data, struct err *err)
{
	(void)err;
	list_for_each_safe (it, &from(rt)->instances) {
		const struct embedded_instance *i =
			container_of(it, struct embedded_instance, link);
		struct instance_status status;
		if (i->stopping)
			continue;
		embedded_instance_status(i, &status);
		each(data, &status);
	}
	return 0;
}

void embedded_add_launch(
	const struct embedded *e, struct command *c, const struct embedded_code *code)
{
	_cleanup_free_ char *app = xasprintf("%s/apps/%s", e->state, code->app);

	command_add_owned(c, xasprintf("%s/berth-launch", e->programs));
	command_add_option(
		c, "--release-file", xasprintf("%s/releases/%u/release.json", app, code->release));
	command_add_option(c, "--env-file", xasprintf("%s/releases/%u/env", app, code->release));
	command_add_option(
		c, "--app-dir", xasprintf("%s/releases/%u/app", app, code->code_release));
	command_add_option(c, "--volumes-dir", xasprintf("%s/volumes", app));
}

/* A berth-logs, of which only the end matters. */
struct log_reader {
	struct list link;
	ev_io on_exit;
	pid_t pid;
};

static void log_reader_free(struct ev_loop *loop, struct log_reader *r)
{
	list_remove(&r->link);
	ev_io_stop(loop, &r->on_exit);
	(void)close(r->on_exit.fd);
	free(r);
}

static void on_reader_exit(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct log_reader *r = container_of(watcher, struct log_reader, on_exit);
	(void)events;

	(void)waitpid(r->pid, NULL, WNOHANG);
	log_reader_free(loop, r);
}

static void reap_later(struct embedded *e, pid_t pid, int pidfd)
{
	struct log_reader *r = xnew(struct log_reader);

	r->pid = pid;
	list_append(&e->log_readers, &r->link);
	ev_io_init(&r->on_exit, on_reader_exit, pidfd, EV_READ);
	ev_io_start(e->rt.loop, &r->on_exit);
}

/* A child reads the files, so that neither a slow disk nor a slow reader holds up the agent. It
 * ends when its reader goes away. */
static int op_open_logs(struct runtime *rt, const struct log_query *q, int *ret_fd, struct err *err)
{
	struct embedded *e = from(rt);
	_cleanup_free_ char *program = xasprintf("%s/berth-logs", e->programs);
	_cleanup_free_ char *dir = xasprintf("%s/logs/%s", e->state, q->app);
	const char *argv[12] = {program, "--dir", dir, "--lines"};
	char count[16];
	int out[2], pidfd;
	unsigned n = 4;
	pid_t pid;

	(void)snprintf(count, sizeof count, "%u", q->lines);
	argv[n++] = count;
	if (q->process) {
		argv[n++] = "--process";
		argv[n++] = q->process;
	}
	if (q->follow)
		argv[n++] = "--follow";
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot create a pipe");
	struct proc_spec spec = {.argv = argv,
		.fds = {-1, out[1], STDERR_FILENO},
		.fd_count = 3,
		.dies_with_parent = true};
	int r = proc_spawn(&spec, &pid, &pidfd, err);
	(void)close(out[1]);
	if (r < 0) {
		(void)close(out[0]);
		return r;
	}
	reap_later(e, pid, pidfd);
	(void)fd_set_nonblocking(out[0]);
	*ret_fd = out[0];
	return 0;
}

static int op_remove_app(struct runtime *rt, const char *app, struct err *err)
{
	struct embedded *e = from(rt);

	if (ident_check_app(app, err) < 0)
		return -EINVAL;
	list_for_each_safe (it, &e->instances) {
		const struct embedded_instance *i =
			container_of(it, struct embedded_instance, link);
		if (streq(i->spec.id.app, app))
			(void)embedded_instance_stop(e, &i->spec.id, NULL);
	}
	embedded_cancel_tasks_of(e, app);
	_cleanup_free_ char *releases = xasprintf("%s/apps/%s/releases", e->state, app);
	_cleanup_free_ char *logs = xasprintf("%s/logs/%s", e->state, app);
	_cleanup_free_ char *cache = xasprintf("%s/cache/%s", e->state, app);
	trash_discard(e->state, releases);
	trash_discard(e->state, logs);
	trash_discard(e->state, cache);
	return 0;
}

static void on_inotify(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct embedded *e = container_of(watcher, struct embedded, inotify_watcher);
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	(void)loop;
	(void)events;

	ssize_t n = read(e->inotify, buffer, sizeof buffer);
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(buffer + at);
		if (event->len > 0 && streq(event->name, "state.json"))
			embedded_instance_on_state(e, event->wd);
		at += (ssize_t)sizeof *event + event->len;
	}
}

/* Instances go on running: the next agent finds them. Tasks end. */
static void op_free(struct runtime *rt)
{
	struct embedded *e = from(rt);

	embedded_free_tasks(e);
	list_for_each_safe (it, &e->instances)
		embedded_instance_free(container_of(it, struct embedded_instance, link));
	/* They end by themselves, when their readers have gone. */
	list_for_each_safe (it, &e->log_readers)
		log_reader_free(rt->loop, container_of(it, struct log_reader, link));
	ev_io_stop(rt->loop, &e->inotify_watcher);
	(void)close(e->inotify);
	free(e->state);
	free(e->run);
	free(e->programs);
	free(e);
}

static const struct runtime_ops ops = {
	.name = "embedded",
	.start = op_start,
	.stop = op_stop,
	.run_task = op_run_task,
	.cancel_task = op_cancel_task,
	.list = op_list,
	.open_logs = op_open_logs,
	.remove_app = op_remove_app,
	.free = op_free,
};

static int adopt_all(struct embedded *e, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/apps", e->run);

	int r = file_make_dirs(path, S_IRWXU, err);
	if (r < 0)
		return r;
	DIR *dir = opendir(path);
	if (!dir)
		return err_errno(err, errno, "cannot read %s", path);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.')
			embedded_instance_adopt(e, entry->d_name);
	(void)closedir(dir);
	return 0;
}

struct runtime *runtime_embedded_new(struct ev_loop *loop, const struct runtime_paths *paths,
	const struct runtime_callbacks *callbacks, struct err *err)
{
	struct embedded *e = xnew(struct embedded);

	e->rt = (struct runtime){.ops = &ops, .callbacks = *callbacks, .loop = loop};
	e->state = xstrdup(paths->state);
	e->run = xstrdup(paths->run);
	e->programs = xstrdup(paths->programs);
	list_init(&e->instances);
	list_init(&e->tasks);
	list_init(&e->log_readers);
	e->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	ev_io_init(&e->inotify_watcher, on_inotify, e->inotify, EV_READ);
	if (e->inotify < 0 || adopt_all(e, err) < 0) {
		if (e->inotify < 0)
			(void)err_errno(err, errno, "cannot create an inotify descriptor");
		op_free(&e->rt);
		return NULL;
	}
	ev_io_start(loop, &e->inotify_watcher);
	trash_empty(e->state);
	return &e->rt;
}
