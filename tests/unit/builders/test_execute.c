/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps with real shells: their order and ends, what is left of them, and what is kept of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "builders/execute.h"
#include "builders/keep.h"
#include "lib/base/clock.h"
#include "lib/data/json.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

struct place {
	char dir[32];
	char *app, *cache, *out;
};

static int set_up(void **state)
{
	struct place *p = xnew(struct place);
	struct err err;

	memcpy(p->dir, "/tmp/berth-execute-XXXXXX", 26);
	assert_non_null(mkdtemp(p->dir));
	p->app = xasprintf("%s/app", p->dir);
	p->cache = xasprintf("%s/cache", p->dir);
	p->out = xasprintf("%s/out", p->dir);
	assert_int_equal(file_make_dirs(p->app, 0755, &err), 0);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	(void)file_remove_tree(p->dir, NULL);
	free(p->app);
	free(p->cache);
	free(p->out);
	free(p);
	return 0;
}

/* Runs the plan in a child, as berth-build does: its signal mask and subreaper are its own. The
 * child's exit status is the negative result; its events are in p->out. */
static pid_t start(const struct place *p, const struct plan *plan)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	struct envfile *env = envfile_new();
	struct err err;
	(void)envfile_set(env, "PATH", "/usr/bin:/bin", NULL);
	FILE *f = fopen(p->out, "we");
	const struct execution x = {p->app, p->cache, env, NULL, f ? fileno(f) : 1};
	_exit(-execute_steps(&x, plan, &err));
}

static int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static char *events(const struct place *p)
{
	char *text = NULL;
	struct err err;

	assert_int_equal(file_read(p->out, 1u << 20, &text, NULL, &err), 0);
	return text;
}

static bool app_has(const struct place *p, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", p->app, name);
	return file_exists(path);
}

static void test_order_and_failure(void **state)
{
	const struct place *p = *state;
	_cleanup_(plan_freep) struct plan *plan = plan_new();

	plan_add_step(plan, "one", "echo first; pwd > here");
	plan_add_step(plan, "two", "test -f here && echo bad >&2 && exit 7");
	plan_add_step(plan, "three", "touch never");
	assert_int_equal(finish(start(p, plan)), ECHILD);
	_cleanup_free_ char *out = events(p);
	assert_non_null(strstr(out, "{\"type\":\"step\",\"name\":\"one\",\"status\":\"done\""));
	assert_non_null(strstr(out, "{\"type\":\"log\",\"line\":\"bad\"}"));
	assert_non_null(strstr(out, "\"exit\":7}"));
	assert_null(strstr(out, "three"));
	assert_false(app_has(p, "never"));
}

/* No stdin to wait on, no descriptor of ours, no event that is not ours. */
static void test_nothing_to_reach(void **state)
{
	const struct place *p = *state;
	_cleanup_(plan_freep) struct plan *plan = plan_new();

	plan_add_step(plan, "read", "read line; echo \"read $?\"; ls /proc/self/fd | wc -l");
	plan_add_step(plan, "forge", "echo '{\"type\":\"error\",\"message\":\"forged\"}'");
	assert_int_equal(finish(start(p, plan)), 0);
	_cleanup_free_ char *out = events(p);
	assert_non_null(strstr(out, "\"line\":\"read 1\""));
	/* 0, 1, 2 and the one that ls itself has. */
	assert_non_null(strstr(out, "\"line\":\"4\""));
	assert_null(strstr(out, "\n{\"type\":\"error\""));
}

/* Neither a background process nor one in a session of its own outlives its step or delays it. */
static void test_stragglers_end(void **state)
{
	const struct place *p = *state;
	_cleanup_(plan_freep) struct plan *plan = plan_new();
	int64_t began = clock_monotonic_ms();

	plan_add_step(plan, "leave",
		"sleep 60 & echo $! > a; setsid sh -c 'echo $$ > b; exec sleep 60' & "
		"while ! test -s b; do :; done");
	assert_int_equal(finish(start(p, plan)), 0);
	assert_true(clock_monotonic_ms() - began < 30000);
	for (const char *name = "ab"; *name; name++) {
		_cleanup_free_ char *path = xasprintf("%s/%c", p->app, *name);
		_cleanup_free_ char *text = NULL;
		assert_int_equal(file_read(path, 64, &text, NULL, NULL), 0);
		long pid = strtol(text, NULL, 10);
		assert_true(pid > 1);
		assert_int_equal(kill((pid_t)pid, 0), -1);
	}
}

static void test_signal_stops(void **state)
{
	const struct place *p = *state;
	_cleanup_(plan_freep) struct plan *plan = plan_new();

	plan_add_step(plan, "wait", "touch ready; sleep 60");
	plan_add_step(plan, "never", "touch never");
	pid_t pid = start(p, plan);
	int64_t deadline = clock_monotonic_ms() + 20000;
	while (!app_has(p, "ready") && clock_monotonic_ms() < deadline)
		(void)usleep(1000);
	assert_true(app_has(p, "ready"));
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(finish(pid), EINTR);
	assert_false(app_has(p, "never"));
	_cleanup_free_ char *out = events(p);
	assert_non_null(strstr(out, "\"status\":\"failed\""));
}

static struct plan *environment_plan(const char *key)
{
	struct plan *plan = plan_new();

	plan_add_step(plan, "make",
		"mkdir -p .venv/bin && printf '#!%s/.venv/bin/python\\n' \"$PWD\" > .venv/bin/tool && "
		"chmod +x .venv/bin/tool && ln -s /bin/true .venv/bin/python && echo made");
	plan_keep_result(plan, ".venv", key);
	return plan;
}

/* A later release, in another folder, gets a copy that knows where it is. */
static void test_results_are_kept(void **state)
{
	struct place *p = *state;
	_cleanup_(plan_freep) struct plan *plan = environment_plan("k1"),
					  *other = environment_plan("k2");
	struct err err;

	assert_int_equal(finish(start(p, plan)), 0);
	free(p->app);
	p->app = xasprintf("%s/second", p->dir);
	assert_int_equal(file_make_dirs(p->app, 0755, &err), 0);
	assert_int_equal(finish(start(p, plan)), 0);
	_cleanup_free_ char *out = events(p);
	assert_non_null(strstr(out, "nothing changed since the last build"));
	assert_null(strstr(out, "\"line\":\"made\""));
	_cleanup_free_ char *tool = xasprintf("%s/.venv/bin/tool", p->app);
	_cleanup_free_ char *want = xasprintf("#!%s/.venv/bin/python\n", p->app);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	assert_int_equal(file_read(tool, 4096, &text, NULL, &err), 0);
	assert_string_equal(text, want);
	assert_int_equal(stat(tool, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	/* Another key is another result. */
	assert_false(keep_restore(p->cache, p->dir, &other->steps[0]));
}

/* A copy that a crash cut short, which has no record, is not used. */
static void test_half_kept_is_not_used(void **state)
{
	const struct place *p = *state;
	_cleanup_(plan_freep) struct plan *plan = environment_plan("k1");
	_cleanup_free_ char *made = xasprintf("%s/kept/.venv/made", p->cache);
	_cleanup_free_ char *venv = xasprintf("%s/.venv", p->app);

	assert_int_equal(finish(start(p, plan)), 0);
	assert_true(file_exists(made));
	assert_int_equal(unlink(made), 0);
	assert_int_equal(file_remove_tree(venv, NULL), 0);
	assert_false(keep_restore(p->cache, p->app, &plan->steps[0]));
	assert_false(file_exists(venv));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order_and_failure),
		TEST(test_nothing_to_reach),
		TEST(test_stragglers_end),
		TEST(test_signal_stops),
		TEST(test_results_are_kept),
		TEST(test_half_kept_is_not_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
