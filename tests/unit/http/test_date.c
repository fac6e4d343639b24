/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP dates: the three forms of RFC 9110 §5.6.7, the calendar's edges, and what is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/http/date.h"

#define NOW_2026 1767225600 /* 2026-01-01T00:00:00Z */

static void formats(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
		{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
		{-1, "Thu, 01 Jan 1970 00:00:00 GMT"},
		{951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
		{951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
		{1704067199, "Sun, 31 Dec 2023 23:59:59 GMT"},
		{2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
		{253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
		{INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
	};
	char text[HTTP_DATE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		http_date_format(cases[i].seconds, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void parses(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
		{"Sun Nov  6 08:49:37 1994", 784111777},
		{"Wed Nov 16 08:49:37 1994", 784975777},
		{"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
		/* Two digits: at most 50 years ahead of 2026. */
		{"Wednesday, 01-Jan-76 00:00:00 GMT", 3345062400},
		{"Saturday, 01-Jan-77 00:00:00 GMT", 220924800},
		/* The name of the day does not decide. */
		{"Mon, 06 Nov 1994 08:49:37 GMT", 784111777},
	};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(http_date_parse(str_from(cases[i].text), NOW_2026, &seconds), 0);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"Sun",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		" Sun, 06 Nov 1994 08:49:37 GMT",
		"sun, 06 nov 1994 08:49:37 gmt",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Wed, 29 Feb 2023 00:00:00 GMT",
		"Wed, 29 Feb 2100 00:00:00 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:00 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"784111777",
	};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(http_date_parse(str_from(cases[i]), NOW_2026, &seconds), -EINVAL);
}

/* Every day over 800 years survives the way there and back. */
static void round_trip(void **state)
{
	char text[HTTP_DATE_SIZE];
	int64_t back;

	(void)state;
	for (int64_t day = 0; day < 292200; day += 13) {
		int64_t seconds = day * 86400 + day % 86400;
		http_date_format(seconds, text);
		assert_int_equal(http_date_parse(str_from(text), NOW_2026, &back), 0);
		assert_int_equal(back, seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
