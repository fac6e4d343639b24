/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans: the JSON form comes back as it went, and what a sandbox could have forged is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builders/plan.h"

static struct plan *sample(void)
{
	struct plan *p = plan_new();

	p->app = xstrdup("shop");
	p->stack = xstrdup("python");
	p->framework = xstrdup("django");
	p->release_command = xstrdup("python manage.py migrate");
	p->build_memory_max = 512u << 20;
	plan_add_reason(p, "python: %s", "requirements.txt");
	plan_add_step(p, "install dependencies", "pip install -r requirements.txt");
	plan_add_cache(p, "pip");
	plan_add_cache(p, "pip");
	plan_set_build_env(p, "CI", "true");
	plan_set_env(p, "PYTHONUNBUFFERED", "0");
	plan_set_env(p, "PYTHONUNBUFFERED", "1");
	plan_set_command(plan_add_process(p, "web"), "gunicorn --bind unix:$LISTEN shop.wsgi");
	plan_process(p, "web")->health.path = xstrdup("/up");
	plan_set_command(plan_add_process(p, "worker"), "celery worker $LISTEN");
	plan_add_static(p, "/static", "staticfiles", NULL);
	plan_add_static(p, "/", "dist", "index.html");
	plan_add_domain(p, "shop.example.com");
	plan_add_volume(p, "media");
	return p;
}

static void test_round_trip(void **state)
{
	_cleanup_(plan_freep) struct plan *p = sample(), *back = NULL;
	_cleanup_free_ char *text = plan_format(p);
	struct err err = {0};

	(void)state;
	if (plan_parse(text, strlen(text), &back, &err) < 0)
		fail_msg("%s", err.msg);
	_cleanup_free_ char *again = plan_format(back);
	assert_string_equal(text, again);
	assert_int_equal(back->cache_count, 1);
	assert_string_equal(back->env[0].value, "1");
	assert_true(plan_process(back, "web")->unix_socket);
	assert_false(plan_process(back, "worker")->listens);
	assert_false(plan_process(back, "worker")->unix_socket);
}

#define HEAD "{\"stack\":\"go\","

static const struct {
	const char *text, *words;
} refused[] = {
	{"", "not valid JSON"},
	{"[]", "must be a JSON object"},
	{"{}", "\"stack\" is missing"},
	{HEAD "\"stack\":\"x\"}", "duplicate"},
	{HEAD "\"steps\":[{\"name\":\"a\"}]}", "steps[0]: \"command\" is missing"},
	{HEAD "\"surprise\":1}", "surprise: is not known"},
	{HEAD "\"app\":\"../x\"}", "plan: "},
	{HEAD "\"statics\":[{\"prefix\":\"/\",\"dir\":\"../..\"}]}", "leaves the app's folder"},
	{HEAD "\"statics\":[{\"prefix\":\"/\",\"dir\":\"/etc\"}]}", "leaves the app's folder"},
	{HEAD "\"statics\":[{\"prefix\":\"/\",\"dir\":\"a\",\"fallback\":\"../x\"}]}", "leaves"},
	{HEAD "\"statics\":[{\"prefix\":\"x\",\"dir\":\"a\"}]}", "must begin with '/'"},
	{HEAD "\"volumes\":[\"../x\"]}", "volumes[0]"},
	{HEAD "\"caches\":[\"../x\"]}", "caches[0]"},
	{HEAD "\"domains\":[\"x y\"]}", "domains[0]"},
	{HEAD "\"env\":{\"A B\":\"x\"}}", "env"},
	{HEAD "\"env\":{\"A\":1}}", "env.A must be text"},
	{HEAD "\"processes\":[{\"name\":\"a/b\",\"command\":\"x\"}]}", "plan: "},
	{HEAD "\"processes\":[{\"name\":\"a\",\"command\":\"x\"},{\"name\":\"a\",\"command\":\"y\"}]}",
		"a second process a"},
	{HEAD "\"processes\":[{\"name\":\"a\",\"command\":\"x\",\"instances\":100000}]}",
		"between"},
	{HEAD "\"processes\":[{\"name\":\"a\",\"command\":\"x\",\"health\":{\"path\":\"/a b\"}}]}",
		"not a URL path"},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_(plan_freep) struct plan *p = NULL;
		struct err err = {0};
		int r = plan_parse(refused[i].text, strlen(refused[i].text), &p, &err);
		if (r >= 0 || !strstr(err.msg, refused[i].words))
			fail_msg("%s gave %d %s", refused[i].text, r, err.msg);
	}
}

static void test_socket_kind(void **state)
{
	static const struct {
		const char *command;
		bool unix_socket;
	} rows[] = {
		{"uvicorn --uds $LISTEN main:app", true},
		{"uvicorn --uds ${LISTEN} main:app", true},
		{"node server.js", false},
		{"server --port $PORT", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(plan_freep) struct plan *p = plan_new();
		plan_set_command(plan_add_process(p, "web"), rows[i].command);
		assert_int_equal(p->processes[0].unix_socket, rows[i].unix_socket);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_socket_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
