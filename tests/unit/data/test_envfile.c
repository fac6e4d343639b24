/* SPDX-License-Identifier: Apache-2.0
 *
 * Environment files: both forms, round trips, and errors that show no value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/data/envfile.h"

typedef int (*parser)(
	const char *file, const char *text, size_t len, struct envfile **ret, struct err *err);

struct row {
	const char *text, *value; /* of A; NULL: the text is refused */
};

static void check(parser parse, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(envfile_freep) struct envfile *e = NULL;
		struct err err = {0};
		int r = parse("env", rows[i].text, strlen(rows[i].text), &e, &err);
		if (!rows[i].value) {
			if (r >= 0)
				fail_msg("%s was taken", rows[i].text);
			assert_null(strstr(err.msg, "hunter2"));
			continue;
		}
		if (r < 0)
			fail_msg("%s gave %s", rows[i].text, err.msg);
		assert_non_null(envfile_get(e, "A"));
		assert_string_equal(envfile_get(e, "A"), rows[i].value);
	}
}

static void test_own(void **state)
{
	static const struct row rows[] = {
		{"A=b\n", "b"},
		{"A=b", "b"},
		{"A=\n", ""},
		{"A= b \n", " b "},
		{"# note\n\nA=b # c\nB=x\n", "b # c"},
		{"A=\"x\\ny\\\"z\"\n", "x\ny\"z"},
		{"A='x'\n", "'x'"},
		{"A=b=c\n", "b=c"},
		{"A=1\nA=2\n", "2"},
		{"A=\"hunter2\n", NULL},
		{"A=\"hunter2\" x\n", NULL},
		{"A=\"\\u0000\"\n", NULL},
		{"hunter2\n", NULL},
		{"1A=hunter2\n", NULL},
		{"A =x\n", NULL},
		{"=hunter2\n", NULL},
		{"A=\xff\n", NULL},
	};
	(void)state;
	check(envfile_parse, rows, ARRAY_SIZE(rows));
}

static void test_dotenv(void **state)
{
	static const struct row rows[] = {
		{"A=b\n", "b"},
		{"  A = b  \r\n", "b"},
		{"export A=b\n", "b"},
		{"export\tA=b\n", "b"},
		{"A=b # note\n", "b"},
		{"A=b#c\n", "b#c"},
		{"A=#c\n", ""},
		{"A='b # c' # d\n", "b # c"},
		{"A=\"b\\nc\\td\\\\e\\$f\"\n", "b\nc\td\\e$f"},
		{"A='b\\nc'\n", "b\\nc"},
		{"A=\"two\nlines\"\nB=1\n", "two\nlines"},
		{"A=\"two\nlines\" # x\r\nB=1\n", "two\nlines"},
		{"A=$HOME\n", "$HOME"},
		{"\xef\xbb\xbf"
		 "A=b\n",
			"b"},
		{"A=\"\"\n", ""},
		{"A=\"hunter2\n", NULL},
		{"A=\"hunter2\" tail\n", NULL},
		{"A\n", NULL},
		{"A-B=hunter2\n", NULL},
	};
	(void)state;
	check(dotenv_parse, rows, ARRAY_SIZE(rows));
}

static void test_lines_are_counted(void **state)
{
	static const char text[] = "A=\"1\n2\n3\"\n\nnonsense\n";
	struct envfile *e = NULL;
	struct err err;

	(void)state;
	assert_true(dotenv_parse(".env", text, sizeof text - 1, &e, &err) < 0);
	assert_string_equal(err.msg, ".env:5: a line must read NAME=VALUE");
}

static void test_nul(void **state)
{
	static const char text[] = "A=\"x\0y\"\n";
	struct envfile *e = NULL;
	struct err err;

	(void)state;
	assert_true(dotenv_parse(".env", text, sizeof text - 1, &e, &err) < 0);
	assert_true(envfile_parse("env", text, sizeof text - 1, &e, &err) < 0);
}

static void test_round_trip(void **state)
{
	static const char *const values[] = {"", "x", " x ", "a\nb", "\"", "\"q\"", "'", "#x",
		"a#b", "\\n", "\r", "\t", "\x7f", "ü€😀", "a=b", "\x01", "$HOME `x`"};
	_cleanup_(envfile_freep) struct envfile *e = envfile_new(), *back = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_free_ char *name = xasprintf("V%zu", i);
		assert_int_equal(envfile_set(e, name, values[i], &err), 0);
	}
	_cleanup_free_ char *text = envfile_format(e);
	assert_int_equal(envfile_parse("env", text, strlen(text), &back, &err), 0);
	assert_int_equal(back->count, e->count);
	for (size_t i = 0; i < e->count; i++)
		assert_string_equal(envfile_get(back, e->pairs[i].name), e->pairs[i].value);
	assert_true(envfile_unset(e, "V3"));
	assert_false(envfile_unset(e, "V3"));
	assert_string_equal(envfile_get(e, "V4"), "\"");
	assert_true(envfile_set(e, "A B", "x", &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_dotenv),
		cmocka_unit_test(test_lines_are_counted),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
