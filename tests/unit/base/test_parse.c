/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers, sizes and durations: the whole text, nothing but, and the bounds.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/parse.h"

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		int result;
		uint64_t value;
	} cases[] = {
		{"0", 0, UINT64_MAX, 0, 0},
		{"007", 0, 10, 0, 7},
		{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", 0, UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999", 0, UINT64_MAX, -ERANGE, 0},
		{"5", 5, 5, 0, 5},
		{"4", 5, 6, -ERANGE, 0},
		{"7", 5, 6, -ERANGE, 0},
		{"", 0, 10, -EINVAL, 0},
		{" 1", 0, 10, -EINVAL, 0},
		{"1 ", 0, 10, -EINVAL, 0},
		{"+1", 0, 10, -EINVAL, 0},
		{"-1", 0, 10, -EINVAL, 0},
		{"0x1", 0, 10, -EINVAL, 0},
		{"1.0", 0, 10, -EINVAL, 0},
		{"1e3", 0, 10000, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 0;
		int r = parse_u64(str_from(cases[i].text), cases[i].min, cases[i].max, &value);
		if (r != cases[i].result || value != cases[i].value)
			fail_msg("'%s' gives %d", cases[i].text, r);
	}
	unsigned port = 1;
	assert_int_equal(parse_unsigned("65536", 1, 65535, &port), -ERANGE);
	assert_int_equal(port, 1);
	assert_int_equal(parse_unsigned("65535", 1, 65535, &port), 0);
	assert_int_equal(port, 65535);
	assert_int_equal(parse_unsigned("4294967296", 0, UINT32_MAX, &port), -ERANGE);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} cases[] = {
		{"1048576", 0, 1048576},
		{"64K", 0, 65536},
		{"64k", 0, 65536},
		{"64KB", 0, 65536},
		{"64KiB", 0, 65536},
		{"512M", 0, 512ull << 20},
		{"1G", 0, 1ull << 30},
		{"2T", 0, 2ull << 40},
		{"0", 0, 0},
		{"16777215T", 0, 16777215ull << 40},
		{"16777216T", -ERANGE, 0},
		{"1.5G", -EINVAL, 0},
		{"1 G", -EINVAL, 0},
		{"G", -EINVAL, 0},
		{"1X", -EINVAL, 0},
		{"1GG", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"-1K", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 0;
		int r = parse_size(cases[i].text, &value);
		if (r != cases[i].result || value != cases[i].value)
			fail_msg("'%s' gives %d", cases[i].text, r);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} cases[] = {
		{"250ms", 0, 250},
		{"30s", 0, 30000},
		{"30", 0, 30000},
		{"5m", 0, 300000},
		{"5min", 0, 300000},
		{"2h", 0, 7200000},
		{"1d", 0, 86400000},
		{"0", 0, 0},
		{"18446744073709551615ms", 0, UINT64_MAX},
		{"18446744073709551615s", -ERANGE, 0},
		{"1w", -EINVAL, 0},
		{"1h30m", -EINVAL, 0},
		{"0.5s", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 0;
		int r = parse_duration(cases[i].text, &value);
		if (r != cases[i].result || value != cases[i].value)
			fail_msg("'%s' gives %d", cases[i].text, r);
	}
}

static void hex_digits(void **state)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

	(void)state;
	for (int c = CHAR_MIN; c <= CHAR_MAX; c++) {
		const char *l = c ? strchr(lower, c) : NULL, *u = c ? strchr(upper, c) : NULL;
		int value = l ? (int)(l - lower) : u ? (int)(u - upper) : -1;
		assert_int_equal(parse_hex_digit((char)c), value);
	}
}

static void for_people(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} size_cases[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KB"},
		{10240, "10 KB"},
		{512ull << 20, "512 MB"},
		{3ull << 29, "1.5 GB"},
		{UINT64_MAX, "16777216 TB"},
	};
	static const struct {
		uint64_t ms;
		const char *text;
	} duration_cases[] = {
		{0, "0ms"},
		{999, "999ms"},
		{1000, "1.0s"},
		{59949, "59.9s"},
		{60000, "1m00s"},
		{3599999, "59m59s"},
		{3600000, "1h00m"},
		{90061000, "25h01m"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(size_cases); i++) {
		format_size(size_cases[i].bytes, text, sizeof text);
		assert_string_equal(text, size_cases[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(duration_cases); i++) {
		format_duration(duration_cases[i].ms, text, sizeof text);
		assert_string_equal(text, duration_cases[i].text);
	}
	format_size(UINT64_MAX, text, 4);
	assert_string_equal(text, "167");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(hex_digits),
		cmocka_unit_test(for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
