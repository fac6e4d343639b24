/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for a terminal: nothing of others may steer it.
 */
#include "cli/text.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_clean(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"plain", "plain"},
		{"", ""},
		{"tab\tbed", "tab    bed"},
		{"\x1b[31mred\x1b[0m", "red"},
		{"\x1b[38;5;1;2 qx", "x"},
		{"\x1b]0;title\x07seen", "seen"},
		{"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"},
		{"\x1b]never ends", ""},
		{"\x1bPq sixel \x1b\\after", "after"},
		{"\x1b(Bafter", "after"},
		{"\x1b", ""},
		{"\x1b[", ""},
		{"\x1b[12", ""},
		{"\x1b"
		 "cX",
			"X"},
		{"bell\x07 back\x08 del\x7f", "bell back del"},
		{" 10%\r 20%\r 30%", " 30%"},
		{"windows\r\n", "windows"},
		{"\r\r\n", ""},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"c1 \xc2\x9b"
		 "31m",
			"c1 31m"},
		{"bidi \xe2\x80\xae"
		 "txet",
			"bidi txet"},
		{"line\xe2\x80\xa8sep", "linesep"},
		{"bad \xff\xfe", "bad \xef\xbf\xbd\xef\xbf\xbd"},
		{"overlong \xc0\xaf", "overlong \xef\xbf\xbd\xef\xbf\xbd"},
		{"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
		{"surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *out = text_cleaned(rows[i].in);
		if (!streq(out, rows[i].out))
			fail_msg("row %zu: \"%s\"", i, out);
	}
	_cleanup_free_ char *nothing = text_cleaned(NULL);
	assert_string_equal(nothing, "");
}

static void test_clean_stops_at_the_maximum(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(4);
	text_clean(STR("ab\xc3\xbc\xc3\xbc"), &b);
	assert_int_equal(buf_len(&b), 4);
	assert_memory_equal(buf_data(&b), "ab\xc3\xbc", 4);
	buf_free(&b);
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width(STR("abc")), 3);
	assert_int_equal(text_width(STR("\xc3\xbc")), 1);
	assert_int_equal(text_width(STR("\xe6\x97\xa5\xe6\x9c\xac")), 4);
	assert_int_equal(text_fit(STR("abc"), 2).len, 2);
	assert_int_equal(text_fit(STR("\xe6\x97\xa5\xe6\x9c\xac"), 3).len, 3);
	assert_int_equal(text_fit(STR("abc"), 10).len, 3);
	assert_int_equal(text_fit(STR("abc"), 0).len, 0);
}

static void test_ago(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *words;
	} rows[] = {
		{-100, "just now"},
		{4, "just now"},
		{59, "59s ago"},
		{60, "1m ago"},
		{3599, "59m ago"},
		{3600, "1h ago"},
		{47 * 3600, "47h ago"},
		{48 * 3600, "2d ago"},
		{29 * 86400, "29d ago"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char words[TEXT_AGO_SIZE];
		text_ago(1000000000000, 1000000000000 + rows[i].seconds * 1000, words);
		assert_string_equal(words, rows[i].words);
	}
}

static void test_parse_time(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T00:00:01.234Z", 1234},
		{"1970-01-01T00:00:01.2Z", 1200},
		{"1970-01-01T00:00:01.234567Z", 1234},
		{"1970-01-01T01:00:00+01:00", 0},
		{"1969-12-31T23:00:00-01:00", 0},
		{"2026-01-31T23:59:59.123Z", 1769903999123},
		{"", -1},
		{"yesterday", -1},
		{"1970-01-01T00:00:00", -1},
		{"1970-01-01T00:00:00Zulu", -1},
		{"1970-01-01T00:00:00+1:00", -1},
		{"1970-01-01T00:00:00+01:00x", -1},
		{"1970-01-01T00:00:00+", -1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t ms = -1;
		int r = text_parse_time(rows[i].text, &ms);
		if (r != (rows[i].ms < 0 ? -EINVAL : 0) || ms != rows[i].ms)
			fail_msg("row %zu: %d %lld", i, r, (long long)ms);
	}
}

static int set_locale(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clean_stops_at_the_maximum),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_ago),
		cmocka_unit_test(test_parse_time),
	};
	return cmocka_run_group_tests(tests, set_locale, NULL);
}
