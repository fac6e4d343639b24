/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded runtime with real processes: berth-supervise and berth-logs are the built ones,
 * berth-launch and berth-build are shell scripts that each test writes.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <ev.h>

#include "agent/runtime/runtime.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"

#define DEADLINE_MS 20000

struct fixture {
	char dir[64];
	char *run, *programs;
	struct ev_loop *loop;
	struct runtime *rt;
	struct instance_status last; /* of on_instance_change */
	unsigned changes, stopped, done;
	struct task_result result;
	struct buf lines;
};

static const struct instance_spec spec = {
	.id = {.app = "shop", .process = "web", .release = 3, .index = 1},
	.stop_timeout_ms = 300,
};

static void on_task_line(void *data, const struct task_spec *task, struct str line)
{
	struct fixture *f = data;
	(void)task;
	(void)!buf_append(&f->lines, line.p, line.len);
	(void)!buf_puts(&f->lines, "|");
}

static void on_task_done(void *data, const struct task_spec *task, const struct task_result *result)
{
	struct fixture *f = data;
	(void)task;
	f->result = *result;
	f->done++;
}

static void on_instance_change(void *data, const struct instance_status *status)
{
	struct fixture *f = data;
	f->last = *status;
	f->changes++;
}

static void on_instance_stopped(void *data, const struct instance_id *id)
{
	struct fixture *f = data;
	assert_string_equal(id->app, "shop");
	f->stopped++;
}

static void make_runtime(struct fixture *f)
{
	const struct runtime_paths paths = {f->dir, f->run, f->programs};
	const struct runtime_callbacks callbacks = {
		on_task_line, on_task_done, on_instance_change, on_instance_stopped, f};
	struct err err = {0};

	f->rt = runtime_embedded_new(f->loop, &paths, &callbacks, &err);
	assert_non_null(f->rt);
}

static void link_program(const struct fixture *f, const char *name)
{
	char bin[512];

	assert_int_equal(proc_program_dir(bin, sizeof bin), 0);
	_cleanup_free_ char *target = xasprintf("%s/../bin/%s", bin, name);
	_cleanup_free_ char *path = xasprintf("%s/%s", f->programs, name);
	assert_int_equal(symlink(target, path), 0);
}

static void script(const struct fixture *f, const char *name, const char *body)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", f->programs, name);
	_cleanup_free_ char *text = xasprintf("#!/bin/sh\n%s\n", body);
	assert_int_equal(file_replace(path, text, strlen(text), 0755, NULL), 0);
}

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	(void)snprintf(f->dir, sizeof f->dir, "/tmp/berth-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->run = xasprintf("%s/run", f->dir);
	f->programs = xasprintf("%s/programs", f->dir);
	assert_int_equal(mkdir(f->run, 0700), 0);
	assert_int_equal(mkdir(f->programs, 0700), 0);
	buf_init(&f->lines, 1 << 20);
	link_program(f, "berth-supervise");
	link_program(f, "berth-logs");
	f->loop = ev_loop_new(EVFLAG_AUTO);
	make_runtime(f);
	*state = f;
	return 0;
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ONE);
}

/* Runs the loop until *counter reaches `want`; fails at the deadline. */
static void run_until(struct fixture *f, const unsigned *counter, unsigned want)
{
	int64_t end = clock_monotonic_ms() + DEADLINE_MS;
	ev_timer tick;

	ev_timer_init(&tick, on_tick, 0.02, 0.02);
	ev_timer_start(f->loop, &tick);
	while (*counter < want) {
		if (clock_monotonic_ms() > end)
			fail_msg("nothing came within the deadline");
		ev_run(f->loop, 0);
	}
	ev_timer_stop(f->loop, &tick);
}

static void run_until_state(struct fixture *f, enum instance_state wanted)
{
	while (f->changes == 0 || f->last.state != wanted) {
		unsigned before = f->changes;
		run_until(f, &f->changes, before + 1);
	}
}

static void stop_and_wait(struct fixture *f)
{
	unsigned before = f->stopped;
	assert_int_equal(f->rt->ops->stop(f->rt, &spec.id, NULL), 0);
	run_until(f, &f->stopped, before + 1);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	stop_and_wait(f);
	f->rt->ops->free(f->rt);
	ev_loop_destroy(f->loop);
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	buf_free(&f->lines);
	free(f->run);
	free(f->programs);
	free(f);
	return 0;
}

/* The pid that a script wrote into DIR/<name>, waited for. */
static pid_t read_pid(struct fixture *f, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", f->dir, name);
	int64_t end = clock_monotonic_ms() + DEADLINE_MS;

	while (clock_monotonic_ms() < end) {
		_cleanup_free_ char *text = NULL;
		size_t len;
		if (file_read(path, 64, &text, &len, NULL) == 0 && len > 1 && text[len - 1] == '\n')
			return (pid_t)strtol(text, NULL, 10);
		(void)usleep(5000);
	}
	fail_msg("%s was not written", path);
	return -1;
}

/* An orphan that nobody waits for in a container is not alive. */
static bool is_alive(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (file_read(path, 4096, &text, &len, NULL) < 0)
		return false;
	const char *state = strrchr(text, ')');
	return state && state[2] != 'Z' && state[2] != 'X';
}

static void test_an_instance_runs_and_stops(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *body =
		xasprintf("echo $$ >%s/main; echo hello \"$@\"; exec sleep 1000", f->dir);

	script(f, "berth-launch", body);
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	run_until_state(f, INSTANCE_RUNNING);
	pid_t pid = read_pid(f, "main");
	assert_true(is_alive(pid));
	stop_and_wait(f);
	assert_false(is_alive(pid));
	_cleanup_free_ char *folder = xasprintf("%s/apps/shop.3.web.1", f->run);
	assert_false(file_exists(folder));
	stop_and_wait(f); /* once more: a success */
}

/* SIGTERM is ignored, and a daemon left the session: both are gone after the stop. */
static void test_stop_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *body =
		xasprintf("trap '' TERM; setsid sh -c 'sleep 1000 & echo $! >%s/daemon' & "
			  "echo $$ >%s/main; while :; do sleep 1; done",
			f->dir, f->dir);

	script(f, "berth-launch", body);
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	pid_t pid = read_pid(f, "main"), daemon_pid = read_pid(f, "daemon");
	stop_and_wait(f);
	assert_false(is_alive(pid));
	assert_false(is_alive(daemon_pid));
}

static void test_a_crash_is_told_and_restarted(void **state)
{
	struct fixture *f = *state;

	script(f, "berth-launch", "echo boom >&2; exit 3");
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	run_until_state(f, INSTANCE_RESTARTING);
	assert_string_equal(f->last.reason, "exited with status 3");
	assert_int_equal(f->last.restarts, 1);
	while (f->last.restarts < 2)
		run_until(f, &f->changes, f->changes + 1);
}

/* Nothing of ours can be killed so that an app is lost: its supervisor is replaced. */
static void test_a_killed_supervisor_is_replaced(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *body = xasprintf(
		"echo $PPID >%s/supervisor; echo $$ >%s/main; exec sleep 1000", f->dir, f->dir);

	script(f, "berth-launch", body);
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	run_until_state(f, INSTANCE_RUNNING);
	pid_t supervisor = read_pid(f, "supervisor"), pid = read_pid(f, "main");
	assert_int_equal(kill(supervisor, SIGKILL), 0);
	run_until_state(f, INSTANCE_RESTARTING);
	run_until_state(f, INSTANCE_RUNNING);
	assert_false(is_alive(pid));
}

static void count_instance(void *data, const struct instance_status *s)
{
	unsigned *count = data;
	assert_int_equal(s->id.release, 3);
	(*count)++;
}

/* A former agent is gone: its instance serves on, the next one finds it and can stop it. */
static void test_a_new_agent_adopts(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *body = xasprintf("echo $$ >%s/main; exec sleep 1000", f->dir);
	unsigned count = 0;

	script(f, "berth-launch", body);
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	run_until_state(f, INSTANCE_RUNNING);
	pid_t pid = read_pid(f, "main");
	f->rt->ops->free(f->rt);
	assert_true(is_alive(pid));
	make_runtime(f);
	assert_int_equal(f->rt->ops->list(f->rt, count_instance, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	assert_int_equal(read_pid(f, "main"), pid);
	stop_and_wait(f);
	assert_false(is_alive(pid));
}

static void test_leftovers_of_a_power_cut_go(void **state)
{
	struct fixture *f = *state;
	static const char text[] =
		"{\"pid\":2,\"start_time\":1,\"state\":\"running\",\"restarts\":0,\"since_ms\":0,"
		"\"exit\":-1,\"timed_out\":false,\"out_of_memory\":false,\"reason\":\"\"}";
	_cleanup_free_ char *dir = xasprintf("%s/apps/shop.2.web.1", f->run);
	_cleanup_free_ char *path = xasprintf("%s/state.json", dir);
	unsigned count = 0;

	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
	f->rt->ops->free(f->rt);
	make_runtime(f);
	assert_int_equal(f->rt->ops->list(f->rt, count_instance, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_false(file_exists(dir));
}

static struct task_spec build_spec(void)
{
	return (struct task_spec){.kind = TASK_BUILD, .app = "shop", .release = 3};
}

static void run_build(struct fixture *f, const struct task_spec *task, const char *body)
{
	script(f, "berth-build", body);
	assert_int_equal(f->rt->ops->run_task(f->rt, task, NULL), 0);
	run_until(f, &f->done, f->done + 1);
}

static void test_a_build(void **state)
{
	struct fixture *f = *state;
	struct task_spec task = build_spec();

	run_build(f, &task, "echo one; echo two >&2; printf three");
	assert_string_equal(buf_cstr(&f->lines), "one|two|three|");
	assert_true(f->result.ok);
	assert_int_equal(f->result.exit_status, 0);
	run_build(f, &task, "exit 2");
	assert_false(f->result.ok);
	assert_int_equal(f->result.exit_status, 2);
	assert_string_equal(f->result.reason, "exited with status 2");
}

static void test_a_build_that_hangs(void **state)
{
	struct fixture *f = *state;
	struct task_spec task = build_spec();
	_cleanup_free_ char *body =
		xasprintf("setsid sleep 1000 & echo $! >%s/daemon; sleep 1000", f->dir);

	task.timeout_ms = 300;
	run_build(f, &task, body);
	assert_true(f->result.timed_out);
	assert_false(f->result.ok);
	assert_string_equal(f->result.reason, "took longer than 300ms");
	assert_false(is_alive(read_pid(f, "daemon")));
}

static void test_a_build_that_is_cancelled(void **state)
{
	struct fixture *f = *state;
	struct task_spec task = build_spec();
	_cleanup_free_ char *body = xasprintf("echo $$ >%s/main; sleep 1000", f->dir);

	script(f, "berth-build", body);
	assert_int_equal(f->rt->ops->run_task(f->rt, &task, NULL), 0);
	pid_t pid = read_pid(f, "main");
	assert_int_equal(f->rt->ops->cancel_task(f->rt, &task), 0);
	run_until(f, &f->done, 1);
	assert_string_equal(f->result.reason, "was cancelled");
	assert_false(is_alive(pid));
}

static void test_a_build_that_eats_memory(void **state)
{
	struct fixture *f = *state;
	struct task_spec task = build_spec();

	task.memory_max = 32 << 20;
	run_build(f, &task, "x=x; while :; do x=$x$x; done");
	assert_true(f->result.out_of_memory);
	assert_string_equal(f->result.reason, "ran out of memory (limit 32 MB)");
}

/* Reads log lines until `text` was seen. */
static void read_logs_until(int fd, struct buf *out, const char *text)
{
	int64_t end = clock_monotonic_ms() + DEADLINE_MS;

	while (buf_len(out) == 0 || !strstr(buf_cstr(out), text)) {
		assert_true(clock_monotonic_ms() < end);
		ssize_t n = fd_read(fd, out, 4096);
		assert_true(n > 0 || n == -EAGAIN);
		if (n < 0)
			(void)usleep(5000);
	}
}

static void test_logs_are_read_and_followed(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf out = BUF_INIT(1 << 20);
	_cleanup_free_ char *go = xasprintf("%s/go", f->dir);
	_cleanup_free_ char *body = xasprintf("echo first; until [ -e %s ]; do sleep 0.05; done; "
					      "echo 'second \"x\"'; exec sleep 1000",
		go);
	const struct log_query query = {"shop", "web", 10, true};
	int fd;

	script(f, "berth-launch", body);
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	assert_int_equal(f->rt->ops->open_logs(f->rt, &query, &fd, NULL), 0);
	read_logs_until(fd, &out, "\"line\":\"first\"");
	assert_int_equal(file_replace(go, "", 0, 0600, NULL), 0);
	read_logs_until(fd, &out, "\"line\":\"second \\\"x\\\"\"");
	(void)close(fd);
	assert_non_null(strstr(buf_cstr(&out), "\"process\":\"web\",\"index\":1,\"release\":3"));
}

static void test_remove_app(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *releases = xasprintf("%s/apps/shop/releases", f->dir);
	_cleanup_free_ char *volume = xasprintf("%s/apps/shop/volumes/media", f->dir);

	assert_int_equal(file_make_dirs(releases, 0700, NULL), 0);
	assert_int_equal(file_make_dirs(volume, 0700, NULL), 0);
	script(f, "berth-launch", "exec sleep 1000");
	assert_int_equal(f->rt->ops->start(f->rt, &spec, NULL), 0);
	assert_int_equal(f->rt->ops->remove_app(f->rt, "shop", NULL), 0);
	run_until(f, &f->stopped, 1);
	assert_false(file_exists(releases));
	assert_true(file_exists(volume));
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_fixture(test_an_instance_runs_and_stops),
		with_fixture(test_stop_leaves_nothing),
		with_fixture(test_a_crash_is_told_and_restarted),
		with_fixture(test_a_killed_supervisor_is_replaced),
		with_fixture(test_a_new_agent_adopts),
		with_fixture(test_leftovers_of_a_power_cut_go),
		with_fixture(test_a_build),
		with_fixture(test_a_build_that_hangs),
		with_fixture(test_a_build_that_is_cancelled),
		with_fixture(test_a_build_that_eats_memory),
		with_fixture(test_logs_are_read_and_followed),
		with_fixture(test_remove_app),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
