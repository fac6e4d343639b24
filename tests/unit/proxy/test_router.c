/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing: which site a host belongs to, which route a path.
 */
#include "proxy/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const char text[] =
	"{\"sites\":["
	"{\"app\":\"a\",\"hosts\":[\"a.test\",\"*.a.test\"],\"routes\":["
	"{\"prefix\":\"/\",\"upstream\":\"u\"},{\"prefix\":\"/api\",\"upstream\":\"u\"},"
	"{\"prefix\":\"/api/v1\",\"upstream\":\"u\"}]},"
	"{\"app\":\"b\",\"hosts\":[\"b.a.test\",\"localhost\"],\"routes\":["
	"{\"prefix\":\"/only\",\"upstream\":\"u\"}]}],"
	"\"upstreams\":[{\"name\":\"u\"}],"
	"\"challenges\":[{\"host\":\"b.a.test\",\"token\":\"t1\",\"key_authorization\":\"t1.k\"}]}";

struct fixture {
	struct routes *routes;
	struct router router;
};

static int set_up(void **state)
{
	static struct fixture f;
	assert_int_equal(routes_parse(text, strlen(text), &f.routes, NULL), 0);
	router_init(&f.router, f.routes);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	router_release(&f->router);
	routes_unref(f->routes);
	return 0;
}

static void test_hosts(void **state)
{
	static const struct {
		const char *host, *app; /* NULL: unknown */
	} cases[] = {
		{"a.test", "a"},
		{"A.Test", "a"},
		{"a.test.", "a"},
		{"x.a.test", "a"},
		{"b.a.test", "b"}, /* the exact name wins */
		{"B.A.TEST.", "b"},
		{"localhost", "b"},
		{"x.y.a.test", NULL}, /* a wildcard is one label */
		{".a.test", NULL},
		{"*.a.test", "a"}, /* not a name, but within the wildcard */
		{"xa.test", NULL},
		{"test", NULL},
		{"", NULL},
		{".", NULL},
		{"a.test..", NULL},
		{"[::1]", NULL},
	};
	const struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct site *s = router_site(&f->router, str_from(cases[i].host));
		if (!streq(s ? s->app : NULL, cases[i].app))
			fail_msg("%s: %s", cases[i].host, s ? s->app : "none");
	}
}

static void test_long_hosts(void **state)
{
	const struct fixture *f = *state;
	char host[400];
	memset(host, 'a', sizeof host);
	for (size_t n = 200; n < sizeof host; n++)
		assert_null(router_site(&f->router, (struct str){host, n}));
	/* The longest name that has a label in front of a wildcard. */
	memcpy(host + 253 - 7, ".a.test", 7);
	assert_non_null(router_site(&f->router, (struct str){host, 253}));
}

static void test_paths(void **state)
{
	static const struct {
		size_t site;
		const char *path, *prefix;
	} cases[] = {
		{0, "/", "/"},
		{0, "/apis", "/"},
		{0, "/api", "/api"},
		{0, "/api/", "/api"},
		{0, "/api/v", "/api"},
		{0, "/api/v1", "/api/v1"},
		{0, "/api/v1/x", "/api/v1"},
		{0, "/api/v12", "/api"},
		{0, "*", NULL},
		{1, "/", NULL},
		{1, "/only/x", "/only"},
	};
	const struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct route *r =
			router_route(&f->routes->sites[cases[i].site], str_from(cases[i].path));
		if (!streq(r ? r->prefix : NULL, cases[i].prefix))
			fail_msg("%s: %s", cases[i].path, r ? r->prefix : "none");
	}
}

static void test_challenges(void **state)
{
	static const struct {
		const char *host, *path, *answer;
		bool is_asked;
	} cases[] = {
		{"b.a.test", "/.well-known/acme-challenge/t1", "t1.k", true},
		{"B.A.TEST.", "/.well-known/acme-challenge/t1", "t1.k", true},
		{"b.a.test", "/.well-known/acme-challenge/t2", NULL, true},
		{"b.a.test", "/.well-known/acme-challenge/t1/x", NULL, true},
		{"b.a.test", "/.well-known/acme-challenge/", NULL, true},
		{"b.a.test", "/.well-known/acme-challenge", NULL, false},
		{"b.a.test", "/", NULL, false},
		{"x.a.test", "/.well-known/acme-challenge/t1", NULL, false},
		{"a.test", "/.well-known/acme-challenge/t1", NULL, false},
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct challenge *c;
		bool is_asked = router_challenge(
			f->routes, str_from(cases[i].host), str_from(cases[i].path), &c);
		if (is_asked != cases[i].is_asked ||
			!streq(c ? c->key_authorization : NULL, cases[i].answer))
			fail_msg("%s%s: %d", cases[i].host, cases[i].path, is_asked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_long_hosts),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_challenges),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
