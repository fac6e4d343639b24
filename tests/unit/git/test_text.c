/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/git/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_cleans(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"h\xc3\xa9llo \xe2\x9c\x93 \xf0\x9f\x9a\xa2",
			"h\xc3\xa9llo \xe2\x9c\x93 \xf0\x9f\x9a\xa2"},
		{"\033[31mred\033[0m", "red"},
		{"\033[2J\033[1;1Hx", "x"},
		{"\033]0;title\ax", "x"},
		{"\033]8;;http://x\033\\link", "link"},
		{"\033(Bx", "Bx"},
		{"\033", ""},
		{"a\033[", "a"},
		{"a\tb", "a b"},
		{"a\nb\rc\ad", "a?b?c?d"},
		{"\x7f", "?"},
		{"\xc2\x9b", "?"}, /* C1's CSI */
		{"\xff\xc0\x80", "???"},
		{"\xed\xa0\x80", "???"}, /* a surrogate */
		{"\xe2\x80\xae"
		 "txt.exe",
			"?txt.exe"}, /* right-to-left override */
		{"\xe2\x81\xa6x", "?x"},
	};
	char to[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = text_clean(str_from(cases[i].in), to, sizeof to);
		assert_string_equal(to, cases[i].out);
		assert_int_equal(n, strlen(cases[i].out));
	}
}

static void test_cuts(void **state)
{
	char to[8];

	(void)state;
	(void)text_clean(STR("abc"), to, sizeof to);
	assert_string_equal(to, "abc");
	(void)text_clean(STR("abcdefghijk"), to, sizeof to);
	assert_string_equal(to, "abcd...");
	(void)text_clean(STR("abcdefg"), to, sizeof to);
	assert_string_equal(to, "abcdefg");
	(void)text_clean(STR("\xf0\x9f\x9a\xa2\xf0\x9f\x9a\xa2"), to, sizeof to);
	assert_true(strlen(to) < sizeof to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cleans),
		cmocka_unit_test(test_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
