/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths, their parameters, and queries.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/api/target.h"

static void test_shapes(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool has_shape;
	} cases[] = {
		{"/v1/apps", "/v1/apps", true},
		{"/v1/apps", "/v1/apps/", false},
		{"/v1/apps", "/v1/app", false},
		{"/v1/apps", "v1/apps", false},
		{"/v1/apps", "", false},
		{"/v1/apps/{app}", "/v1/apps/shop", true},
		{"/v1/apps/{app}", "/v1/apps/", false},
		{"/v1/apps/{app}", "/v1/apps", false},
		{"/v1/apps/{app}", "/v1/apps/a/b", false},
		{"/v1/apps/{app}", "//v1/apps/a", false},
		{"/v1/apps/{app}/deploys/{id}", "/v1/apps/a/deploys/7", true},
		{"/git/{app}.git/info/refs", "/git/shop.git/info/refs", true},
		{"/git/{app}.git/info/refs", "/git/.git/info/refs", false},
		{"/git/{app}.git/info/refs", "/git/shop/info/refs", false},
		{"/git/{app}.git/info/refs", "/git/shop.git.git/info/refs", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (target_has_shape(cases[i].pattern, str_from(cases[i].path)) !=
			cases[i].has_shape)
			fail_msg("%s %s", cases[i].pattern, cases[i].path);
}

static void test_parameters(void **state)
{
	static const struct {
		const char *pattern, *path, *first, *second; /* first NULL: refused */
	} cases[] = {
		{"/a/{app}", "/a/shop", "shop", ""},
		{"/a/{app}", "/a/%73hop", "shop", ""},
		{"/a/{app}", "/a/Shop", NULL, NULL},
		{"/a/{app}", "/a/..", NULL, NULL},
		{"/a/{app}", "/a/%2e%2e", NULL, NULL},
		{"/a/{app}", "/a/a%2fb", NULL, NULL},
		{"/a/{app}", "/a/a%00b", NULL, NULL},
		{"/a/{app}", "/a/a%", NULL, NULL},
		{"/a/{app}", "/a/a%4", NULL, NULL},
		{"/a/{app}", "/a/a%zz", NULL, NULL},
		{"/a/{app}", "/a/-rf", NULL, NULL},
		{"/a/{app}.git", "/a/shop.git", "shop", ""},
		{"/a/{app}.git", "/a/shop.git.git", NULL, NULL},
		{"/a/{app}/{id}", "/a/shop/12", "shop", "12"},
		{"/a/{app}/{id}", "/a/shop/0", NULL, NULL},
		{"/a/{app}/{id}", "/a/shop/-1", NULL, NULL},
		{"/a/{app}/{id}", "/a/shop/99999999999999999999", NULL, NULL},
		{"/a/{app}/{domain}", "/a/shop/www.example.com", "shop", "www.example.com"},
		{"/a/{app}/{domain}", "/a/shop/%2A.example.com", "shop", "*.example.com"},
		{"/a/{app}/{domain}", "/a/shop/1.2.3.4", NULL, NULL},
		{"/t/{token}", "/t/0123456789abcdef", "0123456789abcdef", ""},
		{"/t/{token}", "/t/0123456789abcde", NULL, NULL},
		{"/t/{token}", "/t/0123456789ABCDEF", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target_params p = {0};
		struct err err;
		struct str path = str_from(cases[i].path);
		assert_true(target_has_shape(cases[i].pattern, path));
		int r = target_read_params(cases[i].pattern, path, &p, &err);
		if ((r == 0) != (cases[i].first != NULL))
			fail_msg("%s: %d", cases[i].path, r);
		if (r == 0) {
			assert_string_equal(p.values[0], cases[i].first);
			assert_string_equal(p.values[1], cases[i].second);
		}
	}
}

static void test_queries(void **state)
{
	static const struct {
		const char *known, *query;
		const char *words; /* of the error, NULL: none */
	} cases[] = {
		{"", "", NULL},
		{"lines,follow", "lines=5&follow=1", NULL},
		{"lines,follow", "&lines=5&", NULL},
		{"lines", "line=5", "unknown query parameter 'line'"},
		{"", "x", "unknown query parameter 'x'"},
		{"lines", "lines=1&lines=2", "twice"},
		{"lines", "lines=%zz", "bad value"},
		{"lines", "lines=%00", "bad value"},
		{"lines", "=5", "unknown query parameter ''"},
		{"lines",
			"lines=0123456789012345678901234567890123456789012345678901234567890123456",
			"bad value"},
		{"a,b,c,d,e", "a&b&c&d&e", "'e' has a bad value"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target_query q;
		struct err err = {0};
		int r = target_read_query(cases[i].known, str_from(cases[i].query), &q, &err);
		if ((r == 0) != (cases[i].words == NULL))
			fail_msg("%s: %s", cases[i].query, err.msg);
		if (r < 0 && !strstr(err.msg, cases[i].words))
			fail_msg("%s: %s", cases[i].query, err.msg);
	}
}

static void test_numbers_of_a_query(void **state)
{
	struct target_query q;
	struct err err;
	unsigned n;

	(void)state;
	assert_int_equal(target_read_query("lines,a", STR("lines=%35&a="), &q, &err), 0);
	assert_int_equal(target_query_unsigned(&q, "lines", 5, 1, &n, &err), 0);
	assert_int_equal(n, 5);
	assert_int_equal(target_query_unsigned(&q, "lines", 4, 1, &n, &err), -EINVAL);
	assert_int_equal(target_query_unsigned(&q, "a", 4, 1, &n, &err), -EINVAL);
	assert_int_equal(target_query_unsigned(&q, "absent", 4, 3, &n, &err), 0);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_numbers_of_a_query),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
