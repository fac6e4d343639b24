/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake runtime and edge. All instances answer on one socket, which the test process opens.
 */
#include "tests/unit/agent/deploy/fakes.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"
#include "lib/sys/sock.h"

struct fake *fake;

/* Something that is reported later, from the loop, if the agent is still the same. */
struct later {
	ev_timer timer;
	struct list link;
	const struct runtime_callbacks *callbacks;
	enum {
		LATER_TASK,
		LATER_STOPPED,
		LATER_RUNNING,
		LATER_CRASHED,
		LATER_PUBLISHED,
		LATER_COUNTS
	} kind;
	struct task_spec task;
	struct task_result result;
	struct instance_id id;
	edge_on_published on_published;
	edge_on_counts on_counts;
	void *data;
	int code;
};

static ev_io listener;
static int listener_fd = -1;

/* One read, one answer: a request of a health check comes in one piece on a UNIX socket. */
static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
	char bytes[4096], answer[128];
	(void)loop;
	(void)events;
	_cleanup_close_ int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	(void)!read(fd, bytes, sizeof bytes);
	int n = snprintf(answer, sizeof answer, "HTTP/1.1 %u x\r\nContent-Length: 2\r\n\r\nok",
		fake->status ? fake->status : 200);
	(void)!write(fd, answer, (size_t)n);
}

static struct list laters;
static struct task_spec hanging;

static void report(struct later *l)
{
	const struct runtime_callbacks *c = l->callbacks;

	if (c != fake->callbacks)
		return;
	if (l->kind == LATER_TASK) {
		if (l->task.kind == TASK_BUILD)
			fake->builds_running--;
		if (fake->build_line && l->task.kind == TASK_BUILD)
			c->on_task_line(c->data, &l->task, str_from(fake->build_line));
		c->on_task_done(c->data, &l->task, &l->result);
	} else if (l->kind == LATER_STOPPED) {
		c->on_instance_stopped(c->data, &l->id);
	} else if (l->kind == LATER_RUNNING || l->kind == LATER_CRASHED) {
		struct instance_status s = {
			.id = l->id, .state = INSTANCE_RUNNING, .since_ms = clock_wall_ms()};
		if (fake->crashes_at_start || l->kind == LATER_CRASHED) {
			s.state = INSTANCE_RESTARTING;
			s.restarts = 1;
			(void)snprintf(s.reason, sizeof s.reason, "exited with status 3");
		}
		c->on_instance_change(c->data, &s);
	} else if (l->kind == LATER_PUBLISHED) {
		struct err err = {.code = -l->code, .msg = "the proxy said no"};
		l->on_published(l->data, l->code, &err);
	} else {
		struct edge_counts counts = {.known = fake->inflight || fake->requests,
			.inflight = fake->inflight,
			.requests = fake->requests,
			.errors_5xx = fake->errors_5xx};
		l->on_counts(l->data, 0, &counts);
	}
}

static void on_later(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct later *l = container_of(timer, struct later, timer);
	(void)loop;
	(void)events;
	list_remove(&l->link);
	report(l);
	free(l);
}

static struct later *later(int kind)
{
	struct later *l = xnew(struct later);

	l->kind = kind;
	l->callbacks = fake->callbacks;
	list_append(&laters, &l->link);
	ev_timer_init(&l->timer, on_later, 0., 0.);
	ev_timer_start(fake->loop, &l->timer);
	return l;
}

/* It answers at once; the instance finds the port taken and ends. */
static void let_stranger_in(const struct instance_spec *spec)
{
	must(spec->port > 0 && listener_fd >= 0);
	ev_io_stop(fake->loop, &listener);
	(void)close(listener_fd);
	listener_fd = sock_listen_tcp("127.0.0.1", spec->port, false, NULL);
	must(listener_fd >= 0);
	ev_io_set(&listener, listener_fd, EV_READ);
	ev_io_start(fake->loop, &listener);
	struct later *l = later(LATER_CRASHED);
	l->id = spec->id;
	ev_timer_stop(fake->loop, &l->timer);
	ev_timer_set(&l->timer, 0.1, 0.);
	ev_timer_start(fake->loop, &l->timer);
}

static struct fake_instance *find(const struct instance_id *id)
{
	for (size_t i = 0; i < FAKE_INSTANCES_MAX; i++) {
		struct fake_instance *f = &fake->instances[i];
		if (f->exists && f->id.release == id->release && f->id.index == id->index &&
			streq(f->id.app, id->app) && streq(f->id.process, id->process))
			return f;
	}
	return NULL;
}

static int op_start(struct runtime *rt, const struct instance_spec *spec, struct err *err)
{
	(void)rt;
	if (fake->start_fails)
		return err_set(err, EMFILE, "cannot start it: too many open files");
	if (!find(&spec->id)) {
		size_t i = 0;
		while (fake->instances[i].exists)
			i++;
		must(i < FAKE_INSTANCES_MAX);
		fake->instances[i] = (struct fake_instance){.id = spec->id,
			.exists = true,
			.listens = spec->listens,
			.port = spec->port};
	}
	later(LATER_RUNNING)->id = spec->id;
	if (fake->stranger)
		let_stranger_in(spec);
	return 0;
}

static int op_stop(struct runtime *rt, const struct instance_id *id, struct err *err)
{
	struct fake_instance *f = find(id);
	(void)rt;
	(void)err;
	if (f)
		f->exists = false;
	later(LATER_STOPPED)->id = *id;
	return 0;
}

static void write_plan(const struct task_spec *spec)
{
	_cleanup_free_ char *path = xasprintf(
		"%s/apps/%s/releases/%u/plan.json", fake->state, spec->app, spec->release);
	int r = file_replace(path, fake->plan, strlen(fake->plan), 0644, NULL);
	must(r == 0);
}

static int op_run_task(struct runtime *rt, const struct task_spec *spec, struct err *err)
{
	(void)rt;
	(void)err;
	if (spec->kind == TASK_BUILD) {
		write_plan(spec);
		fake->builds_running++;
		if (fake->builds_running > fake->builds_at_once)
			fake->builds_at_once = fake->builds_running;
		if (fake->build_hangs) {
			hanging = *spec;
			return 0;
		}
	}
	int code = spec->kind == TASK_BUILD ? fake->build_exit : fake->release_fails ? 1 : 0;
	struct later *l = later(LATER_TASK);
	l->task = *spec;
	l->result = (struct task_result){.ok = code == 0, .exit_status = code};
	if (code != 0)
		(void)snprintf(
			l->result.reason, sizeof l->result.reason, "exited with status %d", code);
	return 0;
}

void fake_finish_build(void)
{
	must(hanging.app[0]);
	struct later *l = later(LATER_TASK);
	l->task = hanging;
	l->result.ok = true;
	hanging.app[0] = '\0';
}

static int op_cancel_task(struct runtime *rt, const struct task_spec *spec)
{
	(void)rt;
	if (hanging.app[0] && streq(hanging.app, spec->app) && hanging.release == spec->release) {
		struct later *l = later(LATER_TASK);
		l->task = hanging;
		l->result.exit_status = -1;
		(void)snprintf(l->result.reason, sizeof l->result.reason, "was cancelled");
		hanging.app[0] = '\0';
	}
	return 0;
}

static int op_list(struct runtime *rt, void (*each)(void *data, const struct instance_status *s),
	void *data, struct err *err)
{
	(void)rt;
	(void)err;
	for (size_t i = 0; i < FAKE_INSTANCES_MAX; i++)
		if (fake->instances[i].exists) {
			const struct instance_status s = {
				.id = fake->instances[i].id, .state = INSTANCE_RUNNING};
			each(data, &s);
		}
	return 0;
}

static int op_open_logs(
	struct runtime *rt, const struct log_query *query, int *ret_fd, struct err *err)
{
	static const char text[] = "{\"time\":\"t\",\"process\":\"web\",\"index\":1,\"release\":1,"
				   "\"line\":\"last words\"}\n";
	int fds[2];
	(void)rt;
	(void)query;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot open logs");
	(void)!write(fds[1], text, sizeof text - 1);
	(void)close(fds[1]);
	*ret_fd = fds[0];
	return 0;
}

static int op_remove_app(struct runtime *rt, const char *app, struct err *err)
{
	(void)rt;
	(void)err;
	for (size_t i = 0; i < FAKE_INSTANCES_MAX; i++)
		if (streq(fake->instances[i].id.app, app))
			fake->instances[i].exists = false;
	return 0;
}

static const struct runtime_ops ops = {
	.name = "fake",
	.start = op_start,
	.stop = op_stop,
	.run_task = op_run_task,
	.cancel_task = op_cancel_task,
	.list = op_list,
	.open_logs = op_open_logs,
	.remove_app = op_remove_app,
};

struct runtime *fake_runtime(void)
{
	fake->runtime.ops = &ops;
	fake->runtime.loop = fake->loop;
	return &fake->runtime;
}

void fake_listen(void)
{
	_cleanup_free_ char *path = xasprintf("%s/app.sock", fake->state);
	listener_fd = sock_listen_unix(path, SOCK_STREAM, 0600, NULL);
	must(listener_fd >= 0);
	ev_io_init(&listener, on_connection, listener_fd, EV_READ);
	ev_io_start(fake->loop, &listener);
}

void fake_attach(struct ev_loop *loop, const struct runtime_callbacks *callbacks)
{
	list_init(&laters);
	fake->loop = loop;
	fake->callbacks = callbacks;
	fake->builds_running = 0;
	memset(&hanging, 0, sizeof hanging);
}

void fake_detach(void)
{
	struct list *l;

	while (laters.next && (l = list_pop_front(&laters)) != NULL) {
		struct later *one = container_of(l, struct later, link);
		ev_timer_stop(fake->loop, &one->timer);
		free(one);
	}
	if (listener_fd >= 0) {
		ev_io_stop(fake->loop, &listener);
		(void)close(listener_fd);
	}
	listener_fd = -1;
	fake->callbacks = NULL;
}

void fake_reset(const char *state)
{
	if (!fake)
		fake = mmap(NULL, sizeof *fake, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	must(fake != MAP_FAILED);
	memset(fake, 0, sizeof *fake);
	(void)snprintf(fake->state, sizeof fake->state, "%s", state);
}

void fake_crash(const char *app, unsigned release)
{
	static unsigned restarts;
	struct instance_status s = {.state = INSTANCE_RESTARTING, .restarts = ++restarts};

	(void)snprintf(s.reason, sizeof s.reason, "was killed by SIGSEGV");
	for (size_t i = 0; i < FAKE_INSTANCES_MAX; i++) {
		s.id = fake->instances[i].id;
		if (fake->instances[i].exists && s.id.release == release && streq(s.id.app, app))
			fake->callbacks->on_instance_change(fake->callbacks->data, &s);
	}
}

size_t fake_count(const char *app, unsigned release)
{
	size_t n = 0;

	for (size_t i = 0; i < FAKE_INSTANCES_MAX; i++)
		n += fake->instances[i].exists && fake->instances[i].id.release == release &&
		     streq(fake->instances[i].id.app, app);
	return n;
}

unsigned fake_served(const char *app)
{
	unsigned release = 0;
	json_t *root = fake->routes[0] ? json_loads(fake->routes, 0, NULL) : NULL;
	size_t i;
	json_t *site;

	json_array_foreach (json_object_get(root, "sites"), i, site) {
		if (streq(json_string_value(json_object_get(site, "app")), app))
			release = (unsigned)json_integer_value(json_object_get(site, "release"));
	}
	json_decref(root);
	return release;
}

/* The edge. What is refused is not served; what cannot be told is on disk, for the next start. */
int edge_publish(struct edge *e, struct routes *table, edge_on_published on_done, void *data,
	struct err *err)
{
	(void)e;
	fake->publications++;
	int r = routes_check(table, err);
	if (r == 0 && fake->publish_result == 0) {
		_cleanup_free_ char *text = routes_format(table);
		must(strlen(text) < sizeof fake->routes);
		memcpy(fake->routes, text, strlen(text) + 1);
	}
	routes_unref(table);
	if (r < 0)
		return r;
	if (fake->publish_hangs)
		return 0;
	struct later *l = later(LATER_PUBLISHED);
	l->on_published = on_done;
	l->data = data;
	l->code = fake->publish_result;
	return 0;
}

int edge_counts(
	struct edge *e, const char *app, unsigned release, edge_on_counts on_counts, void *data)
{
	(void)e;
	(void)app;
	(void)release;
	struct later *l = later(LATER_COUNTS);
	l->on_counts = on_counts;
	l->data = data;
	return 0;
}

void edge_url(const struct edge *e, const char *host, char *to, size_t size)
{
	(void)e;
	(void)snprintf(to, size, "https://%s:8443", host);
}

void runtime_address(const struct runtime_paths *paths, const struct instance_spec *spec,
	char to[RUNTIME_ADDRESS_MAX])
{
	(void)paths;
	if (spec->port > 0)
		(void)snprintf(to, RUNTIME_ADDRESS_MAX, "tcp:127.0.0.1:%u", spec->port);
	else
		(void)snprintf(to, RUNTIME_ADDRESS_MAX, "unix:%s/app.sock", fake->state);
}
