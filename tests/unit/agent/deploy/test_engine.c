/* SPDX-License-Identifier: Apache-2.0
 *
 * The runner against a runtime and a proxy that fail as they are told: what visitors see, what the
 * store says and what runs must agree, whatever went wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "agent/deploy/run.h"
#include "lib/base/buf.h"
#include "lib/sys/file.h"
#include "tests/unit/agent/deploy/world.h"

struct heard {
	struct buf text;
	unsigned lines;
	bool last;
};

static void on_event(void *data, const char *line, bool is_last)
{
	struct heard *h = data;
	h->lines++;
	assert_false(h->last);
	h->last = is_last;
	assert_int_equal(buf_puts(&h->text, line), 0);
	assert_int_equal(buf_puts(&h->text, "\n"), 0);
}

/* All events of a deploy, from the first to the end. */
static char *listen_to(uint64_t id)
{
	struct heard h = {.text = BUF_INIT(16u << 20)};
	struct deploy_subscription *s;
	struct err err;
	assert_int_equal(engine_subscribe(world.engine, id, on_event, &h, &s, &err), 0);
	assert_int_equal(h.lines, 0);
	for (int i = 0; i < 1000 && !h.last; i++)
		world_turn();
	assert_true(h.last);
	char *text = xstrdup(buf_cstr(&h.text));
	buf_free(&h.text);
	return text;
}

static void assert_in_order(const char *text, const char *const *parts, size_t count)
{
	const char *at = text;
	for (size_t i = 0; i < count; i++) {
		const char *found = strstr(at, parts[i]);
		if (!found)
			fail_msg("no %s behind the others in:\n%s", parts[i], text);
		at = found;
	}
}

static void test_a_deploy_goes_live(void **state)
{
	(void)state;
	world_start_agent(NULL);
	uint64_t id = world_request(DEPLOY_COMMIT, 0);
	_cleanup_free_ char *events = listen_to(id);
	static const char *const order[] = {"\"seq\":1,", "\"state\":\"queued\"", "\"checkout\"",
		"\"building\"", "\"releasing\"", "\"starting\"", "\"checking\"", "\"swapping\"",
		"\"guarding\"", "\"type\":\"end\"", "\"state\":\"live\"", "\"exit\":0",
		"\"release\":1", "\"url\":\"https://shop.localhost:8443\""};
	assert_in_order(events, order, ARRAY_SIZE(order));
	assert_int_equal(world_live(), 1);
	assert_int_equal(fake_served("shop"), 1);
	world_settle();
	world_check();
	assert_int_equal(fake_count("shop", 1), 2);
	/* Whoever comes late hears the same. */
	_cleanup_free_ char *again = listen_to(id);
	assert_string_equal(events, again);
	_cleanup_free_ char *text = engine_describe(world.engine, id);
	assert_non_null(strstr(text, "\"state\":\"live\""));
	_cleanup_free_ char *ps = engine_processes(world.engine, "shop");
	assert_non_null(strstr(ps, "\"state\":\"running\""));
}

static void test_the_environment_is_the_releases_own(void **state)
{
	(void)state;
	struct err err;
	world_start_agent(NULL);
	assert_int_equal(store_env_set(world.store, "shop", "KEY", "one\n\"two\"", &err), 0);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	_cleanup_free_ char *path = xasprintf("%s/apps/shop/releases/1/env", world.dir);
	_cleanup_free_ char *text = NULL;
	assert_int_equal(file_read(path, 4096, &text, NULL, &err), 0);
	assert_string_equal(
		text, "APP_URL=https://shop.localhost:8443\nKEY=\"one\\n\\\"two\\\"\"\n");
	assert_int_equal(store_env_set(world.store, "shop", "KEY", "three", &err), 0);
	assert_int_equal(world_deploy(DEPLOY_ENV, 0), 0);
	world_settle();
	world_check();
	assert_int_equal(world_live(), 2);
	struct release_row row;
	assert_int_equal(store_release_get(world.store, "shop", 2, &row, &err), 0);
	assert_int_equal(row.code_release, 1);
	release_row_clear(&row);
	/* Back: the number, code and environment of then. */
	assert_int_equal(world_deploy(DEPLOY_ROLLBACK, 0), 0);
	world_settle();
	world_check();
	assert_int_equal(world_live(), 1);
	_cleanup_free_ char *same = NULL;
	assert_int_equal(file_read(path, 4096, &same, NULL, &err), 0);
	assert_string_equal(same, text);
	_cleanup_free_ char *build_env = xasprintf("%s/apps/shop/releases/1/build.env", world.dir);
	assert_false(file_exists(build_env));
}

static void test_failures_leave_the_old_release(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		int exit;
		const char *words;
	} cases[] = {
		{"build", 8, "the build: exited with status 1"},
		{"source", 2, "berth.yaml:3: no"},
		{"release", 9, "the release command: exited with status 1"},
		{"start", 1, "too many open files"},
		{"crash", 1, "exited with status 3 before it was healthy"},
		{"health", 10, "it answered 503 to GET /"},
		{"proxy", 1, "the proxy refused the new routes: the proxy said no"},
		{"no proxy", 124, "the proxy did not take the new routes in time"},
		{"domain", 2, "belongs to the app blog"},
		{"reserved", 2, "the default name of an app named blog"},
		{"nothing", 2, "starts no process and serves no files"},
	};
	struct err err;
	world_start_agent(NULL);
	assert_int_equal(store_app_add(world.store, "blog", &err), 0);
	assert_int_equal(
		store_domain_add(world.store, "blog", "taken.example.com", false, &err), 0);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	world_settle();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *what = cases[i].what;
		fake->plan = PLAN_WEB;
		fake->build_exit = streq(what, "build") ? 1 : streq(what, "source") ? 2 : 0;
		fake->build_line =
			streq(what, "source")
				? "{\"type\":\"error\",\"message\":\"berth.yaml:3: no\",\"hint\":\"h\"}"
				: NULL;
		fake->release_fails = streq(what, "release");
		fake->start_fails = streq(what, "start");
		fake->crashes_at_start = streq(what, "crash");
		fake->status = streq(what, "health") ? 503 : 0;
		fake->publish_result = streq(what, "proxy")	 ? -EINVAL
				       : streq(what, "no proxy") ? -ENOTCONN
								 : 0;
		if (streq(what, "health"))
			fake->plan =
				"{\"stack\":\"procfile\",\"processes\":[{\"name\":\"web\",\"command\":\"x\","
				"\"listens\":true,\"unix_socket\":true,\"instances\":1,"
				"\"health\":{\"timeout_ms\":200}}]}";
		if (streq(what, "domain"))
			fake->plan = "{\"stack\":\"static\",\"domains\":[\"taken.example.com\"],"
				     "\"statics\":[{\"prefix\":\"/\",\"dir\":\".\"}]}";
		if (streq(what, "reserved"))
			fake->plan = "{\"stack\":\"static\",\"domains\":[\"blog.localhost\"],"
				     "\"statics\":[{\"prefix\":\"/\",\"dir\":\".\"}]}";
		if (streq(what, "nothing"))
			fake->plan = "{\"stack\":\"procfile\"}";
		uint64_t id = world_request(DEPLOY_COMMIT, 0);
		if (streq(what, "proxy"))
			/* It takes the old routes again. */
			while (world.engine && fake->publish_result) {
				struct job *j = engine_find_job(world.engine, id);
				if (!j || j->deploy.state == DEPLOY_REVERTING)
					fake->publish_result = 0;
				else
					world_turn();
			}
		int code = world_wait(id);
		_cleanup_free_ char *reason = world_reason(id);
		if (code != cases[i].exit || !strstr(reason, cases[i].words))
			fail_msg("%s: exit %d, \"%s\"", what, code, reason);
		world_settle();
		world_check();
		assert_int_equal(world_live(), 1);
	}
	fake->plan = PLAN_WEB;
	fake->publish_result = 0;
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	world_settle();
	world_check();
}

static void test_last_words_are_told(void **state)
{
	(void)state;
	world_start_agent(NULL);
	fake->crashes_at_start = true;
	uint64_t id = world_request(DEPLOY_COMMIT, 0);
	_cleanup_free_ char *events = listen_to(id);
	static const char *const order[] = {"\"checking\"",
		"\"type\":\"log\",\"source\":\"app\",\"line\":\"last words\",\"process\":\"web\"",
		"\"type\":\"end\"", "\"state\":\"failed\"", "\"exit\":1"};
	assert_in_order(events, order, ARRAY_SIZE(order));
	world_settle();
	world_check();
	assert_int_equal(world_live(), 0);
}

static void test_the_guard_swaps_back(void **state)
{
	(void)state;
	world.config.guard_ms = 5000;
	world_start_agent(NULL);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	uint64_t id = world_request(DEPLOY_COMMIT, 0);
	assert_int_equal(world_wait(id), 0);
	assert_int_equal(fake_served("shop"), 2);
	fake_crash("shop", 2);
	world_settle();
	world_check();
	assert_int_equal(world_live(), 1);
	_cleanup_free_ char *reason = world_reason(id);
	assert_non_null(strstr(reason, "swapped back"));
	assert_int_equal(fake_count("shop", 1), 2);
	/* What was swapped back is no release to go back to. */
	assert_int_equal(world_request(DEPLOY_ROLLBACK, 2), 0);
}

static void test_the_guard_sees_a_burst_of_errors(void **state)
{
	(void)state;
	world.config.guard_ms = 5000;
	world_start_agent(NULL);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	fake->requests = 100;
	uint64_t id = world_request(DEPLOY_COMMIT, 0);
	assert_int_equal(world_wait(id), 0);
	for (int i = 0; i < 5; i++)
		world_turn();
	fake->requests = 120;
	fake->errors_5xx = 19;
	world_settle();
	world_check();
	assert_int_equal(world_live(), 1);
}

static void test_the_first_release_has_nothing_to_go_back_to(void **state)
{
	(void)state;
	world.config.guard_ms = 5000;
	world_start_agent(NULL);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	fake_crash("shop", 1);
	world_settle();
	world_check();
	assert_int_equal(world_live(), 1);
}

static void test_the_next_deploy_does_not_wait_for_the_guard(void **state)
{
	(void)state;
	world.config.guard_ms = 60000;
	world.config.drain_timeout_ms = 60000;
	world_start_agent(NULL);
	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
		assert_int_equal(world_live(), i);
	}
	/* Only the last guard is still on; the others were overtaken and have drained. */
	for (int i = 0; i < 40; i++)
		world_turn();
	unsigned jobs = 0;
	list_for_each (it, &world.engine->jobs)
		jobs++;
	assert_int_equal(jobs, 1);
	assert_int_equal(fake_count("shop", 3), 0);
	assert_int_equal(fake_count("shop", 4), 2);
	/* Back to the release that is still up: it is left alone. */
	assert_int_equal(world_deploy(DEPLOY_ROLLBACK, 0), 0);
	assert_int_equal(world_live(), 4);
	assert_int_equal(fake_count("shop", 4), 2);
}

static void test_drain_waits_for_requests(void **state)
{
	(void)state;
	world.config.drain_timeout_ms = 60000;
	world_start_agent(NULL);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	world_settle();
	fake->inflight = 1;
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	for (int i = 0; i < 12; i++)
		world_turn();
	assert_int_equal(fake_count("shop", 1), 2);
	fake->inflight = 0;
	world_settle();
	world_check();
	assert_int_equal(fake_count("shop", 1), 0);
}

static void test_queue_supersede_and_cancel(void **state)
{
	(void)state;
	world_start_agent(NULL);
	fake->build_hangs = true;
	uint64_t first = world_request(DEPLOY_COMMIT, 0);
	for (int i = 0; i < 10 && fake->builds_running == 0; i++)
		world_turn();
	uint64_t second = world_request(DEPLOY_COMMIT, 0);
	world_turn();
	uint64_t third = world_request(DEPLOY_COMMIT, 0);
	assert_int_equal(world_wait(second), 7);
	struct err err = {0};
	assert_int_equal(engine_cancel(world.engine, second, &err), -EALREADY);
	assert_int_equal(engine_cancel(world.engine, first, &err), 0);
	fake->build_hangs = false;
	assert_int_equal(world_wait(first), 130);
	assert_int_equal(world_wait(third), 0);
	assert_int_equal(engine_cancel(world.engine, third, &err), -EALREADY);
	assert_int_equal(engine_cancel(world.engine, 999, &err), -ENOENT);
	world_settle();
	world_check();
	assert_int_equal(fake->builds_at_once, 1);
}

static void test_rollback_is_refused_with_words(void **state)
{
	(void)state;
	struct err err;
	uint64_t id;
	world_start_agent(NULL);
	struct deploy_request r = {.app = "shop", .kind = DEPLOY_ROLLBACK};
	assert_int_equal(engine_deploy(world.engine, &r, &id, &err), -ENOENT);
	assert_string_equal(err.msg, "shop has no earlier release to go back to");
	world.config.releases_kept = 3;
	for (int i = 0; i < 6; i++) {
		assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
		world_settle();
		world_check();
	}
	r.release = 1;
	assert_int_equal(engine_deploy(world.engine, &r, &id, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no longer kept"));
	r.release = 6;
	assert_int_equal(engine_deploy(world.engine, &r, &id, &err), -EEXIST);
	r.release = 77;
	assert_int_equal(engine_deploy(world.engine, &r, &id, &err), -ENOENT);
	r.app = "nobody";
	assert_int_equal(engine_deploy(world.engine, &r, &id, &err), -ENOENT);
	/* Its files are gone, its row does not know: refused before anything is touched. */
	_cleanup_free_ char *code = xasprintf("%s/apps/shop/releases/4/app", world.dir);
	assert_int_equal(file_remove_tree(code, &err), 0);
	uint64_t gone = world_request(DEPLOY_ROLLBACK, 4);
	assert_int_equal(world_wait(gone), 1);
	_cleanup_free_ char *reason = world_reason(gone);
	assert_string_equal(reason, "the files of release v4 are gone; deploy its commit again");
	assert_int_equal(world_live(), 6);
}

static void test_plan_only(void **state)
{
	(void)state;
	world_start_agent(NULL);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	world_settle();
	uint64_t id = world_request(DEPLOY_PLAN, 0);
	_cleanup_free_ char *events = listen_to(id);
	static const char *const order[] = {
		"\"type\":\"plan\",\"plan\":{", "\"type\":\"end\"", "\"state\":\"planned\""};
	assert_in_order(events, order, ARRAY_SIZE(order));
	world_settle();
	world_check();
	assert_int_equal(world_live(), 1);
	/* It has used no release number. */
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	assert_int_equal(world_live(), 2);
}

static void test_domains_follow_the_manifest(void **state)
{
	(void)state;
	struct err err;
	struct domain_row *rows;
	size_t count;
	world_start_agent(NULL);
	assert_int_equal(store_domain_add(world.store, "shop", "mine.example.com", false, &err), 0);
	fake->plan =
		"{\"stack\":\"static\",\"domains\":[\"a.example.com\",\"shop.localhost\"],"
		"\"statics\":[{\"prefix\":\"/\",\"dir\":\"public\",\"fallback\":\"index.html\"}]}";
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	assert_non_null(strstr(fake->routes, "\"a.example.com\""));
	assert_non_null(strstr(fake->routes, "/apps/shop/releases/1/app/public\""));
	_cleanup_free_ char *path = xasprintf("%s/apps/shop/releases/1/env", world.dir);
	_cleanup_free_ char *env = NULL;
	assert_int_equal(file_read(path, 4096, &env, NULL, &err), 0);
	assert_string_equal(env, "APP_URL=https://a.example.com:8443\n");
	fake->plan = PLAN_STATIC;
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	assert_null(strstr(fake->routes, "a.example.com"));
	assert_non_null(strstr(fake->routes, "mine.example.com"));
	assert_int_equal(store_domain_list(world.store, "shop", &rows, &count, &err), 0);
	assert_int_equal(count, 1);
	free(rows);
	assert_int_equal(world_deploy(DEPLOY_ROLLBACK, 0), 0);
	assert_non_null(strstr(fake->routes, "a.example.com"));
	world_settle();
	world_check();
}

static void test_an_app_is_removed_while_it_is_deployed(void **state)
{
	(void)state;
	struct err err;
	world_start_agent(NULL);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	fake->build_hangs = true;
	uint64_t id = world_request(DEPLOY_COMMIT, 0);
	for (int i = 0; i < 10 && fake->builds_running == 0; i++)
		world_turn();
	struct heard h = {.text = BUF_INIT(1u << 20)};
	struct deploy_subscription *s;
	assert_int_equal(engine_subscribe(world.engine, id, on_event, &h, &s, &err), 0);
	assert_int_equal(engine_remove_app(world.engine, "shop", &err), 0);
	for (int i = 0; i < 10; i++)
		world_turn();
	assert_true(h.last);
	assert_non_null(strstr(buf_cstr(&h.text), "the app was removed"));
	buf_free(&h.text);
	assert_int_equal(fake_served("shop"), 0);
	fake->build_hangs = false;
	assert_int_equal(store_app_add(world.store, "shop", &err), 0);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	assert_int_equal(world_live(), 3);
}

static void test_a_lost_store_is_not_taken_for_an_empty_one(void **state)
{
	(void)state;
	struct err err;
	world_start_agent(NULL);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	world_settle();
	world_lose_agent();
	_cleanup_free_ char *path = xasprintf("%s/store.db", world.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_open(path, &world.store, &err), 0);
	world.engine = engine_new(world.loop, &world.config, world.store, NULL, &err);
	fake_attach(world.loop, engine_runtime_callbacks(world.engine));
	assert_int_equal(engine_start(world.engine, fake_runtime(), &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "restore it from a backup"));
	_cleanup_free_ char *release = xasprintf("%s/apps/shop/releases/1/env", world.dir);
	assert_true(file_exists(release));
	assert_int_equal(fake_count("shop", 1), 2);
}

static bool waits_for_turn(uint64_t id)
{
	struct job *j = engine_find_job(world.engine, id);
	return j && j->waits_for_turn;
}

static void test_builds_take_turns_and_the_rest_goes_on(void **state)
{
	(void)state;
	struct err err;
	uint64_t other = 0;
	world_start_agent(NULL);
	assert_int_equal(store_app_add(world.store, "blog", &err), 0);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	fake->build_hangs = true;
	const struct deploy_request r = {.app = "blog",
		.kind = DEPLOY_COMMIT,
		.commit = "0123456789012345678901234567890123456789"};
	assert_int_equal(engine_deploy(world.engine, &r, &other, &err), 0);
	for (int i = 0; i < 1000 && fake->builds_running == 0; i++)
		world_turn();
	uint64_t mine = world_request(DEPLOY_COMMIT, 0);
	for (int i = 0; i < 1000 && !waits_for_turn(mine); i++)
		world_turn();
	assert_true(waits_for_turn(mine));
	/* What builds nothing does not wait, and a cancelled one gives its turn away. */
	fake->build_hangs = false;
	assert_int_equal(engine_cancel(world.engine, mine, &err), 0);
	assert_int_equal(world_wait(mine), 130);
	assert_int_equal(world_deploy(DEPLOY_ENV, 0), 0);
	mine = world_request(DEPLOY_COMMIT, 0);
	for (int i = 0; i < 1000 && !waits_for_turn(mine); i++)
		world_turn();
	fake_finish_build();
	assert_int_equal(world_wait(mine), 0);
	assert_int_equal(world_wait(other), 0);
	assert_int_equal(fake->builds_at_once, 1);
	world_settle();
	assert_int_equal(fake_served("blog"), 1);
}

/* Somebody took the port between our look at it and the app's bind(2): its answer is not the app's. */
static void test_a_stranger_on_the_port(void **state)
{
	(void)state;
	world_start_agent(NULL);
	fake->stranger = true;
	fake->plan = "{\"stack\":\"node\",\"processes\":[{\"name\":\"web\",\"command\":\"x\","
		     "\"listens\":true,\"instances\":1,\"health\":{\"timeout_ms\":3000}}]}";
	uint64_t id = world_request(DEPLOY_COMMIT, 0);
	assert_int_equal(world_wait(id), 1);
	_cleanup_free_ char *reason = world_reason(id);
	assert_non_null(strstr(reason, "before it was healthy"));
	assert_int_equal(fake_served("shop"), 0);
	world_settle();
	world_check();
}

static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* No file may grow any more: the store, the event log and the release's files take nothing. */
static void test_a_disk_that_takes_nothing(void **state)
{
	(void)state;
	struct err err = {0};
	struct heard h = {.text = BUF_INIT(1u << 20)};
	struct deploy_subscription *s;
	const struct deploy_request r = {.app = "shop", .kind = DEPLOY_ENV};
	uint64_t other;
	world_start_agent(NULL);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	world_settle();
	for (unsigned hangs = 0; hangs < 2; hangs++) {
		fake->build_hangs = hangs;
		uint64_t id = world_request(DEPLOY_COMMIT, 0);
		for (int i = 0; i < 500 && hangs && fake->builds_running == 0; i++)
			world_turn();
		h.last = false;
		assert_int_equal(engine_subscribe(world.engine, id, on_event, &h, &s, &err), 0);
		set_file_limit(0);
		assert_true(engine_deploy(world.engine, &r, &other, &err) < 0);
		assert_non_null(strstr(err.msg, "cannot"));
		if (hangs)
			fake_finish_build();
		for (int i = 0; i < 3000 && !h.last; i++)
			world_turn();
		set_file_limit(RLIM_INFINITY);
		assert_true(h.last);
		assert_non_null(strstr(buf_cstr(&h.text), "\"state\":\"failed\""));
		assert_non_null(strstr(buf_cstr(&h.text), "cannot"));
		buf_clear(&h.text);
		assert_int_equal(fake_served("shop"), 1);
		world_settle();
		world_check();
		assert_int_equal(world_live(), 1);
	}
	fake->build_hangs = false;
	buf_free(&h.text);
	assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
	world_settle();
	world_check();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_deploy_goes_live),
		TEST(test_the_environment_is_the_releases_own),
		TEST(test_failures_leave_the_old_release),
		TEST(test_last_words_are_told),
		TEST(test_the_guard_swaps_back),
		TEST(test_the_guard_sees_a_burst_of_errors),
		TEST(test_the_first_release_has_nothing_to_go_back_to),
		TEST(test_the_next_deploy_does_not_wait_for_the_guard),
		TEST(test_drain_waits_for_requests),
		TEST(test_queue_supersede_and_cancel),
		TEST(test_rollback_is_refused_with_words),
		TEST(test_plan_only),
		TEST(test_domains_follow_the_manifest),
		TEST(test_an_app_is_removed_while_it_is_deployed),
		TEST(test_builds_take_turns_and_the_rest_goes_on),
		TEST(test_a_stranger_on_the_port),
		TEST(test_a_disk_that_takes_nothing),
		TEST(test_a_lost_store_is_not_taken_for_an_empty_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
