/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte ranges: RFC 9110 §14.1.2's examples, the edges of the file, and what is ignored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/static_range.h"

static void ranges(void **state)
{
	static const struct {
		const char *field;
		uint64_t size;
		enum static_range result;
		uint64_t offset, length;
	} cases[] = {
		{"bytes=0-499", 10000, STATIC_RANGE_PART, 0, 500},
		{"bytes=500-999", 10000, STATIC_RANGE_PART, 500, 500},
		{"bytes=-500", 10000, STATIC_RANGE_PART, 9500, 500},
		{"bytes=9500-", 10000, STATIC_RANGE_PART, 9500, 500},
		{"bytes=0-0", 10000, STATIC_RANGE_PART, 0, 1},
		{"BYTES=0-0", 10, STATIC_RANGE_PART, 0, 1},
		{"bytes= 0-0 ", 10, STATIC_RANGE_PART, 0, 1},
		{"bytes=0-", 10, STATIC_RANGE_PART, 0, 10},
		{"bytes=9-9", 10, STATIC_RANGE_PART, 9, 1},
		{"bytes=9-10", 10, STATIC_RANGE_PART, 9, 1},
		{"bytes=0-18446744073709551615", 10, STATIC_RANGE_PART, 0, 10},
		{"bytes=1-99999999999999999999999", 10, STATIC_RANGE_PART, 1, 9},
		{"bytes=-10", 10, STATIC_RANGE_PART, 0, 10},
		{"bytes=-11", 10, STATIC_RANGE_PART, 0, 10},
		{"bytes=-99999999999999999999999", 10, STATIC_RANGE_PART, 0, 10},
		{"bytes=10-", 10, STATIC_RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=10-20", 10, STATIC_RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=99999999999999999999999-", 10, STATIC_RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=-0", 10, STATIC_RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=0-", 0, STATIC_RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=-1", 0, STATIC_RANGE_WHOLE, 0, 0},
		{"", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=-", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=5", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=5-4", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=a-b", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=0-1x", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=0- 1", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=+0-1", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=--1", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=99999999999999999999999x-", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=0-0,2-2", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"bytes=20-30,40-50", 10, STATIC_RANGE_WHOLE, 0, 0},
		{"lines=0-1", 10, STATIC_RANGE_WHOLE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t offset = 0, length = 0;
		enum static_range r = static_range_parse(
			str_from(cases[i].field), cases[i].size, &offset, &length);
		if (r != cases[i].result)
			fail_msg("%s of %ju is %d", cases[i].field, (uintmax_t)cases[i].size,
				(int)r);
		assert_int_equal(offset, cases[i].offset);
		assert_int_equal(length, cases[i].length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ranges)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
