/* SPDX-License-Identifier: Apache-2.0
 *
 * One function a verb. An operation that waits for systemd is a struct op; it ends with a reply.
 */
#include "agent/hostd/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "agent/hostd/hooks.h"
#include "agent/hostd/manager.h"
#include "agent/hostd/unit_files.h"
#include "agent/hostd/unit_text.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"

static const char logs_program[] = DIR_PROGRAMS "/berth-logs";

struct hostd {
	struct hostd_callbacks callbacks;
	struct sd_event *event;
	struct manager *manager;
	struct list pipes;
};

/* hostd holds the output of each task open until it is over: systemd opens it again for the hook at
 * the end, which would wait for a reader for ever. */
struct pipe {
	struct list link;
	char name[UNIT_NAME_MAX];
	int fd;
};

struct op {
	struct hostd *hostd;
	uint64_t peer; /* 0: nobody waits */
	struct hostd_request request;
	struct op *parent; /* waits for this one */
	unsigned waiting; /* for so many answers */
};

static struct op *op_new(struct hostd *h, uint64_t peer, const struct hostd_request *r)
{
	struct op *op = xnew(struct op);

	*op = (struct op){.hostd = h, .peer = peer, .request = *r};
	return op;
}

static struct hostd_message message_for(const struct hostd_request *r, uint32_t type)
{
	struct hostd_message m = {.magic = HOSTD_MAGIC,
		.type = type,
		.id = r->id,
		.release = r->release,
		.index = r->index,
		.task = r->task,
		.exit_status = -1};

	memcpy(m.app, r->app, sizeof m.app);
	memcpy(m.process, r->process, sizeof m.process);
	return m;
}

static void reply(
	struct hostd *h, uint64_t peer, const struct hostd_request *r, int code, const char *text)
{
	struct hostd_message m = message_for(r, HOSTD_REPLY);

	if (peer == 0)
		return;
	m.code = code < 0 ? -code : code;
	(void)snprintf(m.text, sizeof m.text, "%s", text ? text : "");
	h->callbacks.reply(h->callbacks.data, peer, &m, -1);
}

static void op_reply_and_free(struct op *op, int code, const char *text)
{
	reply(op->hostd, op->peer, &op->request, code, text);
	free(op);
}

/* --- instances --- */

static void put_status(struct hostd_message *m, const struct unit_status *s)
{
	bool is_starting = streq(s->active, "activating");

	if (streq(s->active, "active") || streq(s->active, "reloading"))
		m->state = HOSTD_RUNNING;
	else if (is_starting && s->restarts == 0 && !streq(s->sub, "auto-restart"))
		m->state = HOSTD_STARTING;
	else if (is_starting || streq(s->active, "deactivating"))
		m->state = HOSTD_RESTARTING;
	else
		m->state = HOSTD_FAILED;
	m->restarts = s->restarts;
	/* systemd counts a restart when it begins, we when the former run has ended. */
	if (streq(s->sub, "auto-restart"))
		m->restarts++;
	m->since_ms = s->since_ms;
	m->memory_bytes = s->memory_bytes;
}

static void put_reason(struct hostd_message *m, const struct hostd_request *unit)
{
	struct ended ended;

	if (m->state == HOSTD_RUNNING || m->state == HOSTD_STARTING)
		return;
	(void)snprintf(m->text, sizeof m->text, "%s",
		ended_read(unit, &ended) == 0 ? ended.text : "is not running");
}

static void broadcast_status(
	struct hostd *h, const struct hostd_request *unit, const struct unit_status *s)
{
	struct hostd_message m = message_for(unit, HOSTD_INSTANCE);

	put_status(&m, s);
	put_reason(&m, unit);
	h->callbacks.broadcast(h->callbacks.data, &m);
}

static void on_changed_status(void *data, const char *unit, const struct unit_status *s)
{
	struct hostd_request r;

	/* One that is being stopped is reported when it is gone, one that ends by itself when the
	 * hook behind it has written down how. */
	if (s && !streq(s->active, "deactivating") && unit_parse(unit, &r) == 0 &&
		unit_files_enabled(&r))
		broadcast_status(data, &r, s);
}

static void on_unit_change(void *data, const char *unit)
{
	struct hostd *h = data;
	struct hostd_request r;

	if (unit_parse(unit, &r) == 0 && !is_task(&r) && unit_files_enabled(&r))
		(void)manager_status(h->manager, unit, on_changed_status, h);
}

static void on_started(void *data, const char *unit, bool ok)
{
	struct op *op = data;

	if (!ok)
		log_warn("instance.start", "unit=%s result=failed", unit);
	(void)manager_status(op->hostd->manager, unit, on_changed_status, op->hostd);
	free(op);
}

static void start_unit(struct op *op, const char *unit)
{
	/* The agent is told that it was asked for; how it went comes as its status. */
	reply(op->hostd, op->peer, &op->request, 0, NULL);
	if (manager_job(op->hostd->manager, "StartUnit", unit, on_started, op) < 0)
		free(op);
}

static void on_reloaded(void *data, const char *unit, bool ok)
{
	if (ok)
		start_unit(data, unit);
	else
		op_reply_and_free(data, EIO, "systemd cannot read its units again");
}

static void instance_start(struct hostd *h, uint64_t peer, const struct hostd_request *r)
{
	struct op *op = op_new(h, peer, r);
	struct err err = {0};
	char unit[UNIT_NAME_MAX];
	bool changed = false;

	unit_of(r, unit);
	if (unit_files_write(r, &changed, &err) < 0) {
		op_reply_and_free(op, err.code, err.msg);
		return;
	}
	log_info("instance.start", "unit=%s", unit);
	if (!changed)
		start_unit(op, unit);
	else if (manager_reload(h->manager, unit, on_reloaded, op) < 0)
		op_reply_and_free(op, EIO, "systemd cannot read its units again");
}

static void on_stopped(void *data, const char *unit, bool ok)
{
	struct op *op = data;
	struct hostd *h = op->hostd;
	struct hostd_message m = message_for(&op->request, HOSTD_INSTANCE);
	(void)ok;

	unit_files_remove(&op->request);
	ended_remove(&op->request);
	manager_forget(h->manager, unit);
	log_info("instance.gone", "unit=%s", unit);
	m.state = HOSTD_GONE;
	h->callbacks.broadcast(h->callbacks.data, &m);
	op_reply_and_free(op, 0, NULL);
}

static void instance_stop(struct hostd *h, uint64_t peer, const struct hostd_request *r)
{
	struct op *op = op_new(h, peer, r);
	char unit[UNIT_NAME_MAX];

	unit_of(r, unit);
	unit_files_disable(r);
	if (manager_job(h->manager, "StopUnit", unit, on_stopped, op) < 0)
		op_reply_and_free(op, EIO, "systemd does not answer");
}

static void one_answered(struct op *op)
{
	if (op && --op->waiting == 0)
		op_reply_and_free(op, 0, NULL);
}

static void on_listed(void *data, const char *unit, const struct unit_status *s)
{
	struct op *op = data;
	struct hostd_request r;

	if (s && unit_parse(unit, &r) == 0)
		broadcast_status(op->hostd, &r, s);
	one_answered(op);
}

static void list_one(void *data, const struct hostd_request *unit)
{
	struct op *op = data;
	char name[UNIT_NAME_MAX];

	unit_of(unit, name);
	if (unit_files_enabled(unit) &&
		manager_status(op->hostd->manager, name, on_listed, op) >= 0)
		op->waiting++;
}

static void instance_list(struct hostd *h, uint64_t peer, const struct hostd_request *r)
{
	struct op *op = op_new(h, peer, r);

	op->waiting = 1;
	unit_files_each(false, list_one, op);
	one_answered(op);
}

/* --- tasks --- */

static void release_pipe(struct hostd *h, const struct hostd_request *r)
{
	char name[UNIT_NAME_MAX];

	name_of(r, name);
	list_for_each_safe (it, &h->pipes) {
		struct pipe *p = container_of(it, struct pipe, link);
		if (!streq(p->name, name))
			continue;
		list_remove(&p->link);
		(void)close(p->fd);
		free(p);
	}
}

/* Opens both ends of a task's output; the caller owns the reading one. */
static int hold_pipe(struct hostd *h, const struct hostd_request *r, int *ret_reader)
{
	int holder;

	int e = unit_files_open_output(r, ret_reader, &holder);
	if (e < 0)
		return e;
	release_pipe(h, r);
	struct pipe *p = xnew(struct pipe);
	name_of(r, p->name);
	p->fd = holder;
	list_append(&h->pipes, &p->link);
	return 0;
}

static void broadcast_task_done(struct hostd *h, const struct hostd_request *r)
{
	struct hostd_message m = message_for(r, HOSTD_TASK_DONE);
	struct ended ended;

	if (ended_read(r, &ended) < 0)
		return;
	release_pipe(h, r);
	m.timed_out = ended.timed_out;
	m.out_of_memory = ended.out_of_memory;
	m.exit_status = ended.exit_status;
	(void)snprintf(m.text, sizeof m.text, "%s", ended.text);
	h->callbacks.broadcast(h->callbacks.data, &m);
}

static void on_task_started(void *data, const char *unit, bool ok)
{
	struct op *op = data;
	struct hostd_message m = message_for(&op->request, HOSTD_TASK_DONE);
	struct ended ended;

	/* When not even the hook behind it could run, nobody else will tell. */
	if (!ok && ended_read(&op->request, &ended) < 0) {
		log_warn("task.start", "unit=%s result=failed", unit);
		release_pipe(op->hostd, &op->request);
		(void)snprintf(m.text, sizeof m.text,
			"could not be started: see 'journalctl -u %s'", unit);
		op->hostd->callbacks.broadcast(op->hostd->callbacks.data, &m);
	}
	free(op);
}

static void task_run(struct hostd *h, uint64_t peer, const struct hostd_request *r)
{
	struct op *op = op_new(h, peer, r);
	struct hostd_message m = message_for(r, HOSTD_REPLY);
	_cleanup_close_ int reader = -1;
	struct err err = {0};
	char unit[UNIT_NAME_MAX];
	bool changed = false, exists = unit_files_exist(r);

	unit_of(r, unit);
	if (!exists) {
		ended_remove(r);
		if (unit_files_write(r, &changed, &err) < 0) {
			unit_files_remove(r);
			op_reply_and_free(op, err.code, err.msg);
			return;
		}
	}
	int e = hold_pipe(h, r, &reader);
	if (e < 0) {
		op_reply_and_free(op, e, "cannot open the task's output");
		return;
	}
	log_info("task.run", "unit=%s again=%d", unit, exists);
	h->callbacks.reply(h->callbacks.data, peer, &m, reader);
	if (exists)
		broadcast_task_done(h, r); /* when it is over already */
	if (exists || manager_job(h->manager, "StartUnit", unit, on_task_started, op) < 0)
		free(op);
}

static void on_task_stopped(void *data, const char *unit, bool ok)
{
	(void)unit;
	(void)ok;
	op_reply_and_free(data, 0, NULL);
}

static void task_cancel(struct hostd *h, uint64_t peer, const struct hostd_request *r)
{
	struct op *op = op_new(h, peer, r);
	char unit[UNIT_NAME_MAX];

	unit_of(r, unit);
	if (manager_job(h->manager, "StopUnit", unit, on_task_stopped, op) < 0)
		op_reply_and_free(op, EIO, "systemd does not answer");
}

static void clean_task(struct hostd *h, const struct hostd_request *r)
{
	char unit[UNIT_NAME_MAX];

	unit_of(r, unit);
	release_pipe(h, r);
	unit_files_remove(r);
	ended_remove(r);
	manager_forget(h->manager, unit);
}

static void on_old_task_stopped(void *data, const char *unit, bool ok)
{
	struct op *op = data;
	(void)unit;
	(void)ok;

	clean_task(op->hostd, &op->request);
	one_answered(op->parent);
	free(op);
}

static void end_task(struct hostd *h, const struct hostd_request *unit, struct op *parent)
{
	struct op *op = op_new(h, 0, unit);
	char name[UNIT_NAME_MAX];

	unit_of(unit, name);
	op->parent = parent;
	if (manager_job(h->manager, "StopUnit", name, on_old_task_stopped, op) < 0)
		free(op);
	else if (parent)
		parent->waiting++;
}

static void end_old_task(void *data, const struct hostd_request *unit)
{
	struct op *op = data;
	end_task(op->hostd, unit, op);
}

static void tell_if_done(void *data, const struct hostd_request *unit)
{
	struct op *op = data;
	broadcast_task_done(op->hostd, unit);
}

/* A fresh agent gets its answer when nothing of the former one's tasks is left. */
static void hello(struct hostd *h, uint64_t peer, const struct hostd_request *r)
{
	struct op *op = op_new(h, peer, r);

	op->waiting = 1;
	unit_files_each(true, r->fresh ? end_old_task : tell_if_done, op);
	one_answered(op);
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *data)
{
	struct hostd_request unit;
	(void)source;

	if (event->len > 0 && name_parse(event->name, &unit) == 0 && is_task(&unit))
		broadcast_task_done(data, &unit);
	return 0;
}

/* --- logs, removal --- */

static int on_child_exit(sd_event_source *source, const siginfo_t *info, void *data)
{
	(void)info;
	(void)data;
	(void)sd_event_source_unref(source);
	return 0;
}

static int spawn(struct hostd *h, const char *const *argv, int out, struct err *err)
{
	const struct proc_spec spec = {.argv = argv,
		.fds = {-1, out, STDERR_FILENO},
		.fd_count = 3,
		.dies_with_parent = true};
	sd_event_source *source;
	pid_t pid;
	int pidfd;

	int r = proc_spawn(&spec, &pid, &pidfd, err);
	if (r < 0)
		return r;
	(void)close(pidfd);
	return sd_event_add_child(h->event, &source, pid, WEXITED, on_child_exit, NULL);
}

static void logs_open(struct hostd *h, uint64_t peer, const struct hostd_request *r, int out)
{
	struct err err = {0};
	char lines[16];
	const char *argv[10] = {logs_program, "--journal", r->app, "--lines", lines};
	unsigned n = 5;

	(void)snprintf(lines, sizeof lines, "%u", r->lines);
	if (r->process[0] != '\0') {
		argv[n++] = "--process";
		argv[n++] = r->process;
	}
	if (r->follow)
		argv[n++] = "--follow";
	int e = spawn(h, argv, out, &err);
	reply(h, peer, r, e, e < 0 ? err.msg : NULL);
}

struct removal {
	struct hostd *hostd;
	const char *app;
};

static void remove_instance(void *data, const struct hostd_request *unit)
{
	const struct removal *removal = data;

	if (streq(unit->app, removal->app))
		instance_stop(removal->hostd, 0, unit);
}

static void remove_task(void *data, const struct hostd_request *unit)
{
	const struct removal *removal = data;

	if (streq(unit->app, removal->app))
		end_task(removal->hostd, unit, NULL);
}

static void app_remove(struct hostd *h, uint64_t peer, const struct hostd_request *r)
{
	const struct removal removal = {h, r->app};
	_cleanup_free_ char *cache = xasprintf("/var/cache/private/berth/%s", r->app);
	_cleanup_free_ char *trash = xasprintf("/var/cache/private/berth/.%s.removed", r->app);
	const char *const argv[] = {"/bin/rm", "-rf", "--one-file-system", trash, NULL};
	struct err err = {0};

	unit_files_each(false, remove_instance, (void *)(uintptr_t)&removal);
	unit_files_each(true, remove_task, (void *)(uintptr_t)&removal);
	if (rename(cache, trash) == 0 || errno == ENOTEMPTY || errno == EEXIST) {
		if (spawn(h, argv, -1, &err) < 0)
			log_warn("cache.remove", "app=%s error=%s", r->app, err.msg);
	}
	log_info("app.remove", "app=%s", r->app);
	reply(h, peer, r, 0, NULL);
}

void hostd_request(struct hostd *h, uint64_t peer, const struct hostd_request *r, int fd)
{
	switch ((enum hostd_verb)r->verb) {
	case HOSTD_HELLO:
		hello(h, peer, r);
		return;
	case HOSTD_INSTANCE_START:
		instance_start(h, peer, r);
		return;
	case HOSTD_INSTANCE_STOP:
		instance_stop(h, peer, r);
		return;
	case HOSTD_INSTANCE_LIST:
		instance_list(h, peer, r);
		return;
	case HOSTD_TASK_RUN:
		task_run(h, peer, r);
		return;
	case HOSTD_TASK_CANCEL:
		task_cancel(h, peer, r);
		return;
	case HOSTD_TASK_CLEAN:
		clean_task(h, r);
		reply(h, peer, r, 0, NULL);
		return;
	case HOSTD_LOGS_OPEN:
		logs_open(h, peer, r, fd);
		return;
	case HOSTD_APP_REMOVE:
		app_remove(h, peer, r);
		return;
	}
}

/* A former hostd died between disabling a unit and removing it. */
static void finish_removal(void *data, const struct hostd_request *unit)
{
	if (!unit_files_enabled(unit))
		instance_stop(data, 0, unit);
}

/* Tasks that a former hostd started and that are not over. */
static void hold_again(void *data, const struct hostd_request *unit)
{
	struct ended ended;
	int reader;

	if (ended_read(unit, &ended) < 0 && hold_pipe(data, unit, &reader) == 0)
		(void)close(reader);
}

int hostd_new(struct sd_event *event, const struct hostd_callbacks *callbacks, struct hostd **ret,
	struct err *err)
{
	struct hostd *h = xnew(struct hostd);
	const struct manager_callbacks on_manager = {on_unit_change, h};

	h->callbacks = *callbacks;
	h->event = event;
	list_init(&h->pipes);
	int r = file_make_dirs(DIR_HOSTD_RUN "/ended", S_IRWXU, err);
	if (r == 0)
		r = file_make_dirs(DIR_HOSTD_RUN "/tasks", S_IRWXU, err);
	if (r == 0)
		r = file_make_dirs(DIR_HOSTD_RUN "/roots", 0755, err);
	if (r == 0)
		r = manager_new(event, &on_manager, &h->manager, err);
	if (r == 0 && sd_event_add_inotify(
			      event, NULL, DIR_HOSTD_RUN "/ended", IN_MOVED_TO, on_inotify, h) < 0)
		r = err_set(err, EIO, "cannot watch " DIR_HOSTD_RUN "/ended");
	if (r < 0) {
		hostd_free(h);
		return r;
	}
	unit_files_each(false, finish_removal, h);
	unit_files_each(true, hold_again, h);
	hooks_recover_trees(unit_files_exist);
	*ret = h;
	return 0;
}

void hostd_free(struct hostd *h)
{
	if (!h)
		return;
	manager_free(h->manager);
	list_for_each_safe (it, &h->pipes) {
		struct pipe *p = container_of(it, struct pipe, link);
		(void)close(p->fd);
		free(p);
	}
	free(h);
}
