/* SPDX-License-Identifier: Apache-2.0
 *
 * What is taken from a CA's documents, and what is not: problems word for word, no address but an
 * https one, Retry-After in both forms.
 */
#include "agent/acme/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */

static void test_retry_after(void **state)
{
	static const struct {
		const char *field;
		int64_t seconds;
	} cases[] = {
		{"120", 120},
		{" 120 ", 120},
		{"0", 0},
		{"Tue, 14 Nov 2023 22:14:20 GMT", 60},
		{"Tue, 14 Nov 2023 22:12:20 GMT", 0}, /* past */
		{"Fri, 31 Dec 9999 23:59:59 GMT", 366LL * 24 * 3600},
		{"99999999999", 366LL * 24 * 3600},
		{"-5", 0},
		{"1.5", 0},
		{"soon", 0},
		{"", 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (acme_retry_after(str_from(cases[i].field), NOW) != cases[i].seconds)
			fail_msg("%s", cases[i].field);
}

static void test_problems(void **state)
{
	static const struct {
		const char *text, *type, *detail;
	} cases[] = {
		{"{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"CAA says no\"}", "caa",
			"CAA says no"},
		{"{\"type\":\"about:blank\",\"detail\":\"a\\r\\nb\\u001b\"}", "about:blank",
			"a  b "},
		{"{\"type\":\"urn:ietf:params:acme:error:compound\",\"subproblems\":"
		 "[{\"detail\":\"inner\"}]}",
			"compound", "inner"},
		{"{\"type\":1,\"detail\":[]}", "", ""},
		{"<html>502</html>", "", ""},
		{"", "", ""},
		{"[]", "", ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct acme_problem p;
		acme_problem_parse(str_from(cases[i].text), &p);
		assert_string_equal(p.type, cases[i].type);
		assert_string_equal(p.detail, cases[i].detail);
	}
}

static void test_directory(void **state)
{
	static const char good[] =
		"{\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\",\"newOrder\":"
		"\"https://ca/o\",\"meta\":{\"termsOfService\":\"https://ca/t\","
		"\"externalAccountRequired\":true},\"x\":1}";
	static const char *const bad[] = {"", "{}", "[]", "<html>",
		"{\"newNonce\":\"http://ca/n\",\"newAccount\":\"https://ca/a\",\"newOrder\":"
		"\"https://ca/o\"}",
		"{\"newNonce\":\"https://ca/n\\\"\",\"newAccount\":\"https://ca/a\",\"newOrder\":"
		"\"https://ca/o\"}",
		"{\"newNonce\":\"https://ca/n\",\"newAccount\":\"file:///etc/passwd\",\"newOrder\":"
		"\"https://ca/o\"}"};
	struct acme_directory d;
	struct err err;

	(void)state;
	assert_int_equal(acme_directory_parse(str_from(good), &d, &err), 0);
	assert_string_equal(d.new_order, "https://ca/o");
	assert_string_equal(d.terms, "https://ca/t");
	assert_true(d.needs_external_account);
	json_decref(d.json);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(acme_directory_parse(str_from(bad[i]), &d, &err) < 0);
}

static void test_order(void **state)
{
	static const char good[] = "{\"status\":\"valid\",\"finalize\":\"https://ca/f\","
				   "\"authorizations\":[\"https://ca/1\",\"https://ca/2\"],"
				   "\"certificate\":\"https://ca/c\"}";
	static const char *const bad[] = {"{\"status\":\"pending\",\"authorizations\":[]}",
		"{\"finalize\":\"https://ca/f\",\"authorizations\":[1]}",
		"{\"finalize\":\"https://ca/f\",\"authorizations\":[\"https://ca/1\",\"gopher:\"]}"};
	struct acme_order o;
	struct err err;

	(void)state;
	assert_int_equal(acme_order_parse(str_from(good), &o, &err), 0);
	assert_int_equal(o.status, ACME_VALID);
	assert_int_equal(o.authorization_count, 2);
	assert_string_equal(o.authorizations[1], "https://ca/2");
	assert_string_equal(o.certificate, "https://ca/c");
	json_decref(o.json);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(acme_order_parse(str_from(bad[i]), &o, &err) < 0);
}

static void test_authorization(void **state)
{
	static const char text[] =
		"{\"status\":\"pending\",\"challenges\":["
		"{\"type\":\"dns-01\",\"url\":\"https://ca/d\",\"token\":\"d\"},"
		"{\"type\":\"http-01\",\"url\":\"https://ca/x\",\"token\":\"../x\"},"
		"{\"type\":\"http-01\",\"url\":\"https://ca/h\",\"token\":\"A-b_9\","
		"\"error\":{\"detail\":\"connection refused\"}}]}";
	static const char unknown[] = "{\"status\":\"revoked\"}";
	struct acme_authorization a;
	struct err err;

	(void)state;
	assert_int_equal(acme_authorization_parse(str_from(text), &a, &err), 0);
	assert_int_equal(a.status, ACME_PENDING);
	assert_string_equal(a.token, "A-b_9");
	assert_string_equal(a.url, "https://ca/h");
	assert_string_equal(a.error.detail, "connection refused");
	json_decref(a.json);
	assert_int_equal(acme_authorization_parse(str_from(unknown), &a, &err), 0);
	assert_int_equal(a.status, ACME_INVALID);
	assert_null(a.url);
	json_decref(a.json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_authorization),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
