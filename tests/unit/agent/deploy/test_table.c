/* SPDX-License-Identifier: Apache-2.0
 *
 * The route table made of live releases: what is served from disk, what goes to instances.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/deploy/table.h"
#include "lib/base/str.h"

static const struct runtime_paths paths = {"/var/lib/berth", "/run/berth", "/usr/lib/berth"};
static const char *const shop_hosts[] = {"shop.localhost", "shop.example.com"};
static const char *const blog_hosts[] = {"blog.localhost"};
static const char *const addresses[] = {
	"unix:/run/berth/apps/shop.7.web.1/app.sock", "unix:/run/berth/apps/shop.7.web.2/app.sock"};

static struct plan *plan(const char *text)
{
	struct plan *p = NULL;
	struct err err = {0};
	if (plan_parse(text, strlen(text), &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

#define WEB "{\"name\":\"web\",\"command\":\"x\",\"listens\":true,\"instances\":2}"
#define ADMIN "{\"name\":\"admin\",\"command\":\"x\",\"listens\":true,\"instances\":1}"
#define WORKER "{\"name\":\"worker\",\"command\":\"x\",\"listens\":false,\"instances\":1}"

static struct routes *build(const struct table_app *apps, size_t count)
{
	struct routes *t = NULL;
	struct err err = {0};
	assert_int_equal(table_build(&paths, apps, count, &t, &err), 0);
	if (routes_check(t, &err) < 0)
		fail_msg("%s", err.msg);
	return t;
}

static void test_processes_and_files(void **state)
{
	(void)state;
	struct plan *shop = plan("{\"stack\":\"python\",\"processes\":[" WORKER "," WEB "],"
				 "\"statics\":[{\"prefix\":\"/static\",\"dir\":\"staticfiles\"}]}");
	struct plan *blog =
		plan("{\"stack\":\"static\",\"statics\":[{\"prefix\":\"/\",\"dir\":\".\","
		     "\"fallback\":\"index.html\"}]}");
	const struct table_app apps[] = {
		{"shop", 7, 5, shop, shop_hosts, 2, addresses, 2},
		{"blog", 3, 3, blog, blog_hosts, 1, NULL, 0},
	};
	struct routes *t = build(apps, 2);
	assert_int_equal(t->site_count, 2);
	const struct site *s = &t->sites[0];
	assert_string_equal(s->app, "shop");
	assert_int_equal(s->release, 7);
	assert_true(s->https_only);
	assert_int_equal(s->host_count, 2);
	assert_string_equal(s->hosts[1], "shop.example.com");
	assert_int_equal(s->route_count, 2);
	assert_string_equal(s->routes[0].prefix, "/static");
	/* The files of a change of environment are those of the release that was built. */
	assert_string_equal(
		s->routes[0].root, "/var/lib/berth/apps/shop/releases/5/app/staticfiles");
	assert_true(s->routes[0].strip_prefix);
	assert_string_equal(s->routes[1].prefix, "/");
	assert_string_equal(s->routes[1].upstream, "shop.7.web");
	assert_int_equal(t->upstream_count, 1);
	assert_int_equal(t->upstreams[0].address_count, 2);
	assert_string_equal(t->upstreams[0].addresses[1], addresses[1]);
	s = &t->sites[1];
	assert_int_equal(s->route_count, 1);
	assert_string_equal(s->routes[0].root, "/var/lib/berth/apps/blog/releases/3/app");
	assert_string_equal(s->routes[0].fallback, "index.html");
	routes_unref(t);
	plan_free(shop);
	plan_free(blog);
}

static void test_files_at_the_root_leave_no_room_for_a_process(void **state)
{
	(void)state;
	struct plan *p = plan("{\"stack\":\"node\",\"processes\":[" WEB "],"
			      "\"statics\":[{\"prefix\":\"/\",\"dir\":\"dist\"}]}");
	const struct table_app apps[] = {{"shop", 1, 1, p, shop_hosts, 1, addresses, 2}};
	struct routes *t = build(apps, 1);
	assert_int_equal(t->sites[0].route_count, 1);
	assert_int_equal(t->upstream_count, 0);
	routes_unref(t);
	plan_free(p);
}

static void test_an_app_of_workers_has_no_site(void **state)
{
	(void)state;
	struct plan *p = plan("{\"stack\":\"procfile\",\"processes\":[" WORKER "]}");
	const struct table_app apps[] = {{"shop", 1, 1, p, shop_hosts, 1, NULL, 0}};
	struct routes *t = build(apps, 1);
	assert_int_equal(t->site_count, 0);
	routes_unref(t);
	plan_free(p);
}

static void test_who_gets_the_requests(void **state)
{
	(void)state;
	static const struct {
		const char *processes, *name;
	} cases[] = {
		{WORKER "," ADMIN "," WEB, "web"},
		{WORKER "," ADMIN, "admin"},
		{WORKER, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = xasprintf(
			"{\"stack\":\"procfile\",\"processes\":[%s]}", cases[i].processes);
		struct plan *p = plan(text);
		const struct plan_process *web = table_web_process(p);
		assert_true(streq(web ? web->name : NULL, cases[i].name));
		plan_free(p);
	}
}

static void test_a_table_without_apps(void **state)
{
	(void)state;
	struct routes *t = build(NULL, 0);
	assert_int_equal(t->site_count, 0);
	routes_unref(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes_and_files),
		cmocka_unit_test(test_files_at_the_root_leave_no_room_for_a_process),
		cmocka_unit_test(test_an_app_of_workers_has_no_site),
		cmocka_unit_test(test_who_gets_the_requests),
		cmocka_unit_test(test_a_table_without_apps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
