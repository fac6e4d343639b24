/* SPDX-License-Identifier: Apache-2.0
 *
 * Names: each rule at its edge. The privileged helper relies on these.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/ident.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10

struct name_case {
	const char *name;
	bool good;
};

static void check_all(
	const struct name_case *cases, size_t n, int (*check)(const char *name, struct err *err))
{
	for (size_t i = 0; i < n; i++) {
		struct err err = {0};
		int r = check(cases[i].name, &err);
		if ((r == 0) != cases[i].good)
			fail_msg("'%s' gives %d", cases[i].name, r);
		/* What is refused is refused with words of one line. */
		if (r < 0)
			assert_true(err.msg[0] != '\0' && r == -EINVAL);
	}
}

static void apps(void **state)
{
	static const struct name_case cases[] = {
		{"a", true},
		{"shop", true},
		{"shop-2", true},
		{"a0-b1", true},
		{A10 A10 A10 A10, true},
		{A10 A10 A10 A10 "a", false},
		{"", false},
		{"0shop", false},
		{"-shop", false},
		{"shop-", false},
		{"sh--op", false},
		{"xn--caf-dma", false},
		{"Shop", false},
		{"sh_op", false},
		{"sh.op", false},
		{"sh/op", false},
		{"..", false},
		{"sh op", false},
		{"shop\n", false},
		{"caf\xc3\xa9", false},
	};

	(void)state;
	check_all(cases, ARRAY_SIZE(cases), ident_check_app);
}

static void processes(void **state)
{
	static const struct name_case cases[] = {
		{"web", true},
		{"worker_2", true},
		{"a-b", true},
		{A10 A10 A10 "aa", true},
		{A10 A10 A10 "aaa", false},
		{"", false},
		{"1web", false},
		{"_web", false},
		{"Web", false},
		{"web.1", false},
		{"web/..", false},
		{"web\t", false},
	};

	(void)state;
	check_all(cases, ARRAY_SIZE(cases), ident_check_process);
}

static void environment(void **state)
{
	static const struct name_case cases[] = {
		{"PATH", true},
		{"_x9", true},
		{"a", true},
		{A60 A60 "aaaaaaaa", true},
		{A60 A60 "aaaaaaaaa", false},
		{"", false},
		{"9A", false},
		{"A-B", false},
		{"A=B", false},
		{"A B", false},
		{"A\nB", false},
	};

	(void)state;
	check_all(cases, ARRAY_SIZE(cases), ident_check_env);
}

static void domains(void **state)
{
	static const struct {
		const char *domain;
		bool good, good_wildcard;
	} cases[] = {
		{"example.com", true, true},
		{"localhost", true, true},
		{"a.b-c.d9.example", true, true},
		{"1.example.com", true, true},
		{"xn--caf-dma.example", true, true},
		{A60 "aaa.example", true, true},
		{A60 "aaaa.example", false, false},
		{A60 "." A60 "." A60 "." A60 ".aaaaaaaaa", true, true},
		{A60 "." A60 "." A60 "." A60 ".aaaaaaaaaa", false, false},
		{"*.example.com", false, true},
		{"*.*.example.com", false, false},
		{"a.*.example.com", false, false},
		{"*", false, false},
		{"*.", false, false},
		{"", false, false},
		{".", false, false},
		{".example.com", false, false},
		{"example.com.", false, false},
		{"a..b", false, false},
		{"-a.example", false, false},
		{"a-.example", false, false},
		{"a_b.example", false, false},
		{"Example.com", false, false},
		{"127.0.0.1", false, false},
		{"::1", false, false},
		{"[::1]", false, false},
		{"example.com:443", false, false},
		{"exa mple.com", false, false},
		{"example.com/", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool plain = ident_check_domain(cases[i].domain, false, NULL) == 0;
		bool wildcard = ident_check_domain(cases[i].domain, true, NULL) == 0;
		if (plain != cases[i].good || wildcard != cases[i].good_wildcard)
			fail_msg("'%s' gives %d %d", cases[i].domain, plain, wildcard);
	}
}

static void normalises(void **state)
{
	char domain[IDENT_DOMAIN_MAX + 1];
	struct err err = {0};

	(void)state;
	assert_int_equal(ident_normalise_domain("WWW.Example.COM.", false, domain, &err), 0);
	assert_string_equal(domain, "www.example.com");
	assert_int_equal(ident_normalise_domain(".", false, domain, &err), -EINVAL);
	assert_int_equal(ident_normalise_domain("", false, domain, &err), -EINVAL);
	assert_int_equal(ident_normalise_domain(
				 A60 "." A60 "." A60 "." A60 ".aaaaaaaaa.", false, domain, &err),
		0);
	assert_int_equal(ident_normalise_domain(
				 A60 "." A60 "." A60 "." A60 ".aaaaaaaaaa.", false, domain, &err),
		-EINVAL);
}

static void commits(void **state)
{
	(void)state;
	assert_true(ident_is_commit("0123456789abcdef0123456789abcdef01234567"));
	assert_false(ident_is_commit("0123456789abcdef0123456789abcdef0123456"));
	assert_false(ident_is_commit("0123456789abcdef0123456789abcdef012345678"));
	assert_false(ident_is_commit("0123456789ABCDEF0123456789abcdef01234567"));
	assert_false(ident_is_commit("--upload-pack=x"));
	assert_false(ident_is_commit(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apps),
		cmocka_unit_test(processes),
		cmocka_unit_test(environment),
		cmocka_unit_test(domains),
		cmocka_unit_test(normalises),
		cmocka_unit_test(commits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
