/* SPDX-License-Identifier: Apache-2.0
 *
 * struct systemd: the runtime of a real host. Units are made and watched by berth-hostd; here is
 * what it told, and the requests to it. Without hostd everything waits, and what runs goes on.
 */
#include "agent/runtime/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "agent/runtime/release_volumes.h"
#include "agent/runtime/trash.h"
#include "lib/base/clock.h"
#include "lib/sys/fd.h"

#define FIRST_CONNECTION_MS 60000 /* a build that has to end first may be a large one */

struct known {
	struct list link;
	struct instance_status status;
	unsigned listing; /* in which list it was seen last */
};

static struct systemd *from(struct runtime *rt)
{
	return container_of(rt, struct systemd, rt);
}

static bool same_instance(const struct instance_id *a, const struct instance_id *b)
{
	return a->release == b->release && a->index == b->index && streq(a->app, b->app) &&
	       streq(a->process, b->process);
}

static struct known *find(struct systemd *s, const struct instance_id *id)
{
	list_for_each (it, &s->instances) {
		struct known *k = container_of(it, struct known, link);
		if (same_instance(&k->status.id, id))
			return k;
	}
	return NULL;
}

static struct hostd_request request_for(const struct instance_id *id, enum hostd_verb verb)
{
	struct hostd_request r = {.verb = verb, .release = id->release, .index = id->index};

	memcpy(r.app, id->app, sizeof r.app);
	memcpy(r.process, id->process, sizeof r.process);
	return r;
}

static void forget(struct known *k)
{
	list_remove(&k->link);
	free(k);
}

static struct instance_status status_of(const struct hostd_message *m)
{
	static const enum instance_state states[] = {
		[HOSTD_STARTING] = INSTANCE_STARTING,
		[HOSTD_RUNNING] = INSTANCE_RUNNING,
		[HOSTD_RESTARTING] = INSTANCE_RESTARTING,
		[HOSTD_FAILED] = INSTANCE_FAILED,
		[HOSTD_GONE] = INSTANCE_FAILED,
	};
	struct instance_status status = {
		.id = {.release = m->release, .index = m->index},
		.state = states[m->state],
		.restarts = m->restarts,
		.since_ms = m->since_ms,
		.memory_bytes = m->memory_bytes,
	};

	memcpy(status.id.app, m->app, sizeof status.id.app);
	memcpy(status.id.process, m->process, sizeof status.id.process);
	(void)snprintf(status.reason, sizeof status.reason, "%.120s", m->text);
	return status;
}

static void report(struct systemd *s, const struct instance_status *status)
{
	if (s->rt.callbacks.on_instance_change)
		s->rt.callbacks.on_instance_change(s->rt.callbacks.data, status);
}

void systemd_on_instance(struct systemd *s, const struct hostd_message *m)
{
	const struct runtime_callbacks *callbacks = &s->rt.callbacks;
	const struct instance_status status = status_of(m);
	struct known *k = find(s, &status.id);

	if (m->state == HOSTD_GONE) {
		if (k)
			forget(k);
		if (callbacks->on_instance_stopped)
			callbacks->on_instance_stopped(callbacks->data, &status.id);
		return;
	}
	if (!k) {
		k = xnew(struct known);
		list_append(&s->instances, &k->link);
	}
	bool is_news = k->status.state != status.state || k->status.restarts != status.restarts ||
		       k->status.since_ms != status.since_ms || k->status.id.release == 0;
	k->status = status;
	k->listing = s->listing;
	if (is_news && !systemd_is_asked(s, HOSTD_INSTANCE_STOP, &status.id))
		report(s, &status);
}

/* What the newest list does not name and nobody asked for meanwhile is not there any more. */
static void drop_unlisted(struct systemd *s)
{
	list_for_each_safe (it, &s->instances) {
		struct known *k = container_of(it, struct known, link);
		if (k->listing == s->listing ||
			systemd_is_asked(s, HOSTD_INSTANCE_START, &k->status.id) ||
			systemd_is_asked(s, HOSTD_INSTANCE_STOP, &k->status.id))
			continue;
		struct instance_status status = k->status;
		status.state = INSTANCE_FAILED;
		(void)snprintf(status.reason, sizeof status.reason, "its unit was removed");
		forget(k);
		report(s, &status);
	}
}

static void on_start_refused(
	struct systemd *s, const struct hostd_request *request, const struct hostd_message *m)
{
	struct instance_status status = {
		.id = {.release = request->release, .index = request->index},
		.state = INSTANCE_FAILED};

	memcpy(status.id.app, request->app, sizeof status.id.app);
	memcpy(status.id.process, request->process, sizeof status.id.process);
	(void)snprintf(status.reason, sizeof status.reason, "%.120s", m->text);
	report(s, &status);
}

void systemd_on_reply(struct systemd *s, const struct hostd_request *request,
	const struct hostd_message *m, int fd)
{
	_cleanup_close_ int owned = fd;

	if (request->verb == HOSTD_TASK_RUN)
		systemd_task_on_reply(s, request, m, take_fd(&owned));
	else if (request->verb == HOSTD_INSTANCE_START && m->code != 0)
		on_start_refused(s, request, m);
	else if (request->verb == HOSTD_INSTANCE_LIST)
		drop_unlisted(s);
}

static int op_start(struct runtime *rt, const struct instance_spec *spec, struct err *err)
{
	struct systemd *s = from(rt);
	struct hostd_request r = request_for(&spec->id, HOSTD_INSTANCE_START);
	struct release_volumes volumes;

	int e = release_read_volumes(s->state, spec->id.app, spec->id.release, &volumes, err);
	if (e < 0)
		return e;
	r.code_release = spec->code_release ? spec->code_release : spec->id.release;
	r.listens = spec->listens;
	r.port = spec->listens ? spec->port : 0;
	r.memory_max = spec->memory_max;
	r.stop_timeout_ms = spec->stop_timeout_ms;
	r.volume_count = volumes.count;
	memcpy(r.volumes, volumes.names, sizeof r.volumes);
	systemd_request(s, &r, -1);
	return 0;
}

static int op_stop(struct runtime *rt, const struct instance_id *id, struct err *err)
{
	struct hostd_request r = request_for(id, HOSTD_INSTANCE_STOP);
	(void)err;

	if (!systemd_is_asked(from(rt), HOSTD_INSTANCE_STOP, id))
		systemd_request(from(rt), &r, -1);
	return 0;
}

static int op_run_task(struct runtime *rt, const struct task_spec *spec, struct err *err)
{
	return systemd_task_run(from(rt), spec, err);
}

static int op_cancel_task(struct runtime *rt, const struct task_spec *spec)
{
	return systemd_task_cancel(from(rt), spec);
}

static int op_list(struct runtime *rt, void (*each)(void *data, const struct instance_status *s),
	void *data, struct err *err)
{
	struct hostd_request refresh = {.verb = HOSTD_INSTANCE_LIST};

	(void)err;
	list_for_each_safe (it, &from(rt)->instances) {
		const struct instance_status status = container_of(it, struct known, link)->status;
		each(data, &status);
	}
	/* Memory changes without any event: the next one who asks sees it as it is now. */
	if (list_is_empty(&from(rt)->requests))
		systemd_request(from(rt), &refresh, -1);
	return 0;
}

static int op_open_logs(struct runtime *rt, const struct log_query *q, int *ret_fd, struct err *err)
{
	struct hostd_request r = {.verb = HOSTD_LOGS_OPEN,
		.follow = q->follow,
		.lines = q->lines > HOSTD_LINES_MAX ? HOSTD_LINES_MAX : q->lines};
	int out[2];

	if (ident_check_app(q->app, err) < 0 ||
		(q->process && ident_check_process(q->process, err) < 0))
		return -EINVAL;
	(void)!str_copy(r.app, sizeof r.app, str_from(q->app));
	if (q->process)
		(void)!str_copy(r.process, sizeof r.process, str_from(q->process));
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot create a pipe");
	(void)fd_set_nonblocking(out[0]);
	systemd_request(from(rt), &r, out[1]);
	*ret_fd = out[0];
	return 0;
}

static int op_remove_app(struct runtime *rt, const char *app, struct err *err)
{
	struct systemd *s = from(rt);
	struct hostd_request r = {.verb = HOSTD_APP_REMOVE};

	if (ident_check_app(app, err) < 0)
		return -EINVAL;
	(void)!str_copy(r.app, sizeof r.app, str_from(app));
	systemd_request(s, &r, -1);
	_cleanup_free_ char *releases = xasprintf("%s/apps/%s/releases", s->state, app);
	trash_discard(s->state, releases);
	return 0;
}

static void op_free(struct runtime *rt)
{
	struct systemd *s = from(rt);

	systemd_free_tasks(s);
	systemd_wire_free(s);
	list_for_each_safe (it, &s->instances)
		forget(container_of(it, struct known, link));
	free(s->state);
	free(s->socket);
	free(s);
}

static const struct runtime_ops ops = {
	.name = "systemd",
	.start = op_start,
	.stop = op_stop,
	.run_task = op_run_task,
	.cancel_task = op_cancel_task,
	.list = op_list,
	.open_logs = op_open_logs,
	.remove_app = op_remove_app,
	.free = op_free,
};

/* The agent begins with what is there, so the first list is waited for. Nothing is served yet. */
static int first_list(struct systemd *s, struct err *err)
{
	struct hostd_request hello = {.verb = HOSTD_HELLO, .fresh = 1};
	struct hostd_request list = {.verb = HOSTD_INSTANCE_LIST};
	int64_t end = clock_monotonic_ms() + FIRST_CONNECTION_MS;

	int r = systemd_connect(s, err);
	if (r < 0)
		return err_wrap(
			err, "berth-hostd does not answer (is berth-hostd.socket running?)");
	systemd_request(s, &hello, -1);
	systemd_request(s, &list, -1);
	while (!list_is_empty(&s->requests)) {
		int64_t left = end - clock_monotonic_ms();
		struct pollfd wait = {s->fd, POLLIN, 0};
		if (left <= 0 || (r = systemd_receive(s)) < 0)
			return err_set(err, left <= 0 ? ETIMEDOUT : ECONNRESET,
				"berth-hostd does not answer: see 'journalctl -u berth-hostd'");
		if (r == 0)
			(void)poll(&wait, 1, (int)left);
	}
	return 0;
}

struct runtime *runtime_systemd_new(struct ev_loop *loop, const struct runtime_paths *paths,
	const struct runtime_callbacks *callbacks, struct err *err)
{
	struct systemd *s = xnew(struct systemd);

	s->rt = (struct runtime){.ops = &ops, .loop = loop};
	s->state = xstrdup(paths->state);
	s->socket = xasprintf("%s/hostd.sock", paths->run);
	list_init(&s->instances);
	list_init(&s->tasks);
	systemd_wire_init(s);
	/* No callbacks yet: what the first list says is read by runtime_list(). */
	if (first_list(s, err) < 0) {
		op_free(&s->rt);
		return NULL;
	}
	s->rt.callbacks = *callbacks;
	trash_empty(s->state);
	return &s->rt;
}
