/* SPDX-License-Identifier: Apache-2.0
 *
 * Times in records, and a clock that does not run backwards.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/clock.h"

static void formats(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{999, "1970-01-01T00:00:00.999Z"},
		{1769903999123, "2026-01-31T23:59:59.123Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	char text[CLOCK_RFC3339_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		clock_format_rfc3339(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void runs(void **state)
{
	int64_t before = clock_monotonic_ms();

	(void)state;
	(void)usleep(2000);
	assert_true(clock_monotonic_ms() > before);
	assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(formats), cmocka_unit_test(runs)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
