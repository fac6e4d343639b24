/* SPDX-License-Identifier: Apache-2.0
 *
 * Route tables: a good one survives the way there and back; a bad one is refused with words that
 * name the place.
 */
#include "lib/ipc/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const char good[] =
	"{\"version\":12,\"default_certificate\":\"local\","
	"\"sites\":[{\"app\":\"shop\",\"release\":7,\"hosts\":[\"shop.example.com\",\"*.shop.test\"],"
	"\"https_only\":true,\"certificate\":\"shop\",\"body_max\":1000,\"timeout_ms\":5000,"
	"\"routes\":[{\"prefix\":\"/\",\"upstream\":\"shop.7.web\"},"
	"{\"prefix\":\"/static\",\"root\":\"/srv/s\",\"fallback\":\"index.html\",\"strip_prefix\":true},"
	"{\"prefix\":\"/old\",\"redirect\":\"new.test\"}]},"
	"{\"app\":\"\",\"hosts\":[\"berth.localhost\"],\"routes\":[{\"prefix\":\"/\",\"upstream\":\"agent\"}]}],"
	"\"upstreams\":[{\"name\":\"shop.7.web\",\"addresses\":[\"unix:/run/a.sock\",\"tcp:127.0.0.1:20001\"]},"
	"{\"name\":\"agent\",\"addresses\":[\"tcp:[::1]:9\"]}],"
	"\"certificates\":[{\"name\":\"local\",\"chain\":\"/c/l.pem\",\"key\":\"/c/l.key\"},"
	"{\"name\":\"shop\",\"chain\":\"/c/s.pem\",\"key\":\"/c/s.key\"}],"
	"\"challenges\":[{\"host\":\"shop.example.com\",\"token\":\"tok-1\",\"key_authorization\":\"tok-1.th_mb\"}]}";

static void test_good_table(void **state)
{
	struct routes *r = NULL, *again = NULL;
	struct err err = {0};
	(void)state;
	if (routes_parse(good, strlen(good), &r, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(r->version, 12);
	assert_int_equal(r->site_count, 2);
	const struct site *s = &r->sites[0];
	assert_string_equal(s->app, "shop");
	assert_int_equal(s->release, 7);
	assert_true(s->https_only);
	assert_string_equal(s->hosts[1], "*.shop.test");
	assert_int_equal(s->body_max, 1000);
	assert_int_equal(s->timeout_ms, 5000);
	/* The longest prefix is first. */
	assert_string_equal(s->routes[0].prefix, "/static");
	assert_int_equal(s->routes[0].kind, ROUTE_STATIC);
	assert_true(s->routes[0].strip_prefix);
	assert_string_equal(s->routes[1].redirect_host, "new.test");
	assert_string_equal(s->routes[2].upstream, "shop.7.web");
	assert_int_equal(r->challenge_count, 1);
	assert_string_equal(r->challenges[0].key_authorization, "tok-1.th_mb");
	assert_string_equal(r->upstreams[0].addresses[1], "tcp:127.0.0.1:20001");

	_cleanup_free_ char *text = routes_format(r);
	assert_int_equal(routes_parse(text, strlen(text), &again, &err), 0);
	_cleanup_free_ char *twice = routes_format(again);
	assert_string_equal(text, twice);
	assert_int_equal(text[strlen(text) - 1], '\n');
	routes_unref(again);
	assert_ptr_equal(routes_ref(r), r);
	routes_unref(r);
	assert_int_equal(r->version, 12);
	routes_unref(r);
	routes_unref(NULL);
}

static void test_empty_table(void **state)
{
	struct routes *r = NULL;
	(void)state;
	assert_int_equal(routes_parse("{}", 2, &r, NULL), 0);
	assert_int_equal(r->site_count, 0);
	routes_unref(r);
}

/* A whole table around one site, or around its routes. */
#define SITE(text) "{\"sites\":[" text "],\"upstreams\":[{\"name\":\"u\",\"addresses\":[]}]}"
#define HOSTS(text)                            \
	SITE("{\"app\":\"a\",\"hosts\":[" text \
	     "],\"routes\":[{\"prefix\":\"/\",\"upstream\":\"u\"}]}")
#define ROUTES(text) SITE("{\"app\":\"a\",\"hosts\":[\"a.test\"],\"routes\":[" text "]}")
#define CHALLENGE(host, token, answer)                               \
	"{\"challenges\":[{\"host\":\"" host "\",\"token\":\"" token \
	"\",\"key_authorization\":\"" answer "\"}]}"
#define ADDRESS(text) "{\"upstreams\":[{\"name\":\"u\",\"addresses\":[\"" text "\"]}]}"

static void test_refused(void **state)
{
	static const struct {
		const char *text, *words; /* that the error must contain */
	} cases[] = {
		{"", "line 1"},
		{"[]", "must be an object"},
		{"{\"sites\":1}", "sites: must be an array"},
		{"{\"version\":-1}", "version: "},
		{"{\"version\":1,\"version\":2}", "duplicate"},
		{"{\"site\":[]}", "unknown key 'site'; did you mean 'sites'?"},
		{SITE("1"), "sites[0]: must be an object"},
		{SITE("{\"hosts\":[\"a.test\"]}"), "sites[0]: app is missing"},
		{SITE("{\"app\":\"A\",\"hosts\":[\"a.test\"]}"), "sites[0]: app name 'A'"},
		{SITE("{\"app\":\"a\",\"x\":1}"), "sites[0]: unknown key 'x'"},
		{SITE("{\"app\":\"a\",\"release\":4294967296}"), "sites[0].release: "},
		{SITE("{\"app\":\"a\",\"https_only\":1}"), "sites[0].https_only: "},
		{SITE("{\"app\":\"a\\u0000b\"}"), "line 1"},
		{HOSTS(""), "sites[0]: hosts: at least one"},
		{HOSTS("1"), "sites[0].hosts: must be a string"},
		{HOSTS("\"A.test\""), "sites[0]: hosts[0]: "},
		{HOSTS("\"127.0.0.1\""), "use a domain name"},
		{HOSTS("\"a.test\",\"a.test\""), "hosts[1]: 'a.test' belongs to another site"},
		{ROUTES(""), "routes: at least one"},
		{ROUTES("{}"), "sites[0].routes[0].prefix: is missing"},
		{ROUTES("{\"prefix\":\"/\"}"), "exactly one of"},
		{ROUTES("{\"prefix\":\"/\",\"upstream\":\"u\",\"root\":\"/r\"}"), "exactly one of"},
		{ROUTES("{\"prefix\":\"/\",\"upstream\":\"u\",\"fallback\":\"x\"}"), "need 'root'"},
		{ROUTES("{\"prefix\":\"/\",\"upstream\":\"v\"}"),
			"sites[0]: routes[0]: no upstream is named 'v'"},
		{ROUTES("{\"prefix\":\"x\",\"upstream\":\"u\"}"), "prefix 'x' must"},
		{ROUTES("{\"prefix\":\"/x/\",\"upstream\":\"u\"}"), "prefix '/x/' must"},
		{ROUTES("{\"prefix\":\"/x/../y\",\"upstream\":\"u\"}"), "prefix '/x/../y' must"},
		{ROUTES("{\"prefix\":\"/x//y\",\"upstream\":\"u\"}"), "prefix '/x//y' must"},
		{ROUTES("{\"prefix\":\"/\",\"root\":\"r\"}"), "absolute path"},
		{ROUTES("{\"prefix\":\"/\",\"root\":\"/r\",\"fallback\":\"../x\"}"),
			"beneath root"},
		{ROUTES("{\"prefix\":\"/\",\"redirect\":\"*.a.test\"}"), "routes[0]: domain"},
		{ROUTES("{\"prefix\":\"/\",\"upstream\":\"u\"},{\"prefix\":\"/\",\"upstream\":\"u\"}"),
			"prefix '/' appears twice"},
		{ADDRESS("127.0.0.1:80"), "upstreams[0].addresses[0]: address"},
		{ADDRESS("tcp:localhost:80"), "tcp:1.2.3.4:port"},
		{ADDRESS("tcp:127.0.0.1:0"), "tcp:1.2.3.4:port"},
		{ADDRESS("tcp:::1:80"), "tcp:1.2.3.4:port"},
		{ADDRESS("unix:run/x"), "absolute path"},
		{"{\"upstreams\":[{\"name\":\"u\"},{\"name\":\"u\"}]}", "'u' appears twice"},
		{"{\"upstreams\":[{\"name\":\"\"}]}", "must not be empty"},
		{CHALLENGE("*.a.test", "t", "t.k"), "challenges[0].host: "},
		{CHALLENGE("a.test", "", "t.k"), "challenges[0].token: "},
		{CHALLENGE("a.test", "a/b", "t.k"), "challenges[0].token: "},
		{CHALLENGE("a.test", "t", "t\\r\\nk"), "challenges[0].key_authorization: "},
		{"{\"default_certificate\":\"x\"}", "no certificate is named 'x'"},
		{"{\"certificates\":[{\"name\":\"x\",\"chain\":\"/c\"}]}",
			"certificates[0]: key '' must be an absolute path"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct routes *r = NULL;
		struct err err = {0};
		int result = routes_parse(cases[i].text, strlen(cases[i].text), &r, &err);
		if (result == 0 || r || !strstr(err.msg, cases[i].words))
			fail_msg("%s: '%s' lacks '%s'", cases[i].text, err.msg, cases[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_table),
		cmocka_unit_test(test_empty_table),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
