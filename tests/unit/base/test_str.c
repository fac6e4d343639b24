/* SPDX-License-Identifier: Apache-2.0
 *
 * String views: comparison, trimming, splitting, copies, and the nearest word.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/str.h"

static void compares(void **state)
{
	(void)state;
	assert_true(str_eq(STR("abc"), STR("abc")));
	assert_false(str_eq(STR("abc"), STR("abd")));
	assert_false(str_eq(STR("abc"), STR("ab")));
	assert_true(str_eq(STR(""), (struct str){0}));
	assert_true(str_ieq(STR("Content-Length"), STR("content-LENGTH")));
	/* Only letters have a case: '[' and '{' differ by the same bit. */
	assert_false(str_ieq(STR("a[b"), STR("a{b")));
	assert_true(str_starts(STR("abc"), STR("")));
	assert_true(str_starts(STR("abc"), STR("abc")));
	assert_false(str_starts(STR("abc"), STR("abcd")));
	assert_true(str_ends(STR("abc"), STR("bc")));
	assert_false(str_ends(STR("c"), STR("bc")));
	assert_true(streq(NULL, NULL));
	assert_false(streq("", NULL));
	assert_true(has_prefix("refs/heads/main", "refs/heads/"));
	assert_false(has_prefix("refs", "refs/"));
	assert_true(has_suffix("app.git", ".git"));
	assert_false(has_suffix("git", ".git"));
}

static void trims(void **state)
{
	static const struct {
		const char *text, *trimmed;
	} cases[] = {
		{"", ""},
		{" ", ""},
		{" \t \t", ""},
		{" a b\t", "a b"},
		{"a", "a"},
		{"\na\n", "\na\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(str_eq(str_trim(str_from(cases[i].text)), str_from(cases[i].trimmed)));
}

static void splits(void **state)
{
	static const struct {
		const char *text;
		const char *parts; /* joined by '|', each with one behind it */
	} cases[] = {
		{"", ""},
		{"a", "a|"},
		{"a,b", "a|b|"},
		{"a,,b", "a||b|"},
		{",", "|"},
		{",a", "|a|"},
		{"a,", "a|"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str rest = str_from(cases[i].text), part;
		char joined[32];
		size_t n = 0;
		while (str_split(&rest, ',', &part)) {
			memcpy(joined + n, part.p, part.len);
			n += part.len;
			joined[n++] = '|';
		}
		joined[n] = '\0';
		assert_string_equal(joined, cases[i].parts);
	}
	struct str none = {0}, part;
	assert_false(str_split(&none, ',', &part));
}

static void copies(void **state)
{
	char to[4] = "xyz";

	(void)state;
	assert_int_equal(str_copy(to, sizeof to, STR("abc")), 0);
	assert_string_equal(to, "abc");
	assert_int_equal(str_copy(to, sizeof to, STR("abcd")), -ENAMETOOLONG);
	assert_string_equal(to, "");
	assert_int_equal(str_copy(to, 1, STR("")), 0);
	assert_int_equal(str_copy(to, sizeof to, (struct str){0}), 0);
	_cleanup_free_ char *copy = str_dup((struct str){"abcdef", 3});
	assert_string_equal(copy, "abc");
}

static void nearest(void **state)
{
	static const char *const verbs[] = {"deploy", "rollback", "releases", "ps", "env"};
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{"deploy", "deploy"},
		{"depoly", "deploy"},
		{"deplo", "deploy"},
		{"Deploy", "deploy"},
		{"rolback", "rollback"},
		{"release", "releases"},
		{"p", "ps"},
		{"sp", NULL},
		{"xyz", NULL},
		{"", NULL},
		{"something-else-entirely-that-is-longer-than-any-verb", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *found = str_nearest(cases[i].word, verbs, ARRAY_SIZE(verbs));
		if (!streq(found, cases[i].nearest))
			fail_msg("'%s' gives %s", cases[i].word, found ? found : "nothing");
	}
	assert_null(str_nearest("x", NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),
		cmocka_unit_test(trims),
		cmocka_unit_test(splits),
		cmocka_unit_test(copies),
		cmocka_unit_test(nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
