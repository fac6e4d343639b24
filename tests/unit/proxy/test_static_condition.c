/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions in the order of RFC 9110 §13.2.2, If-Range, and the weights of Accept-Encoding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/static_condition.h"

#define ETAG "\"abc\""
#define MODIFIED 784111777
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

static void conditions(void **state)
{
	static const struct {
		const char *match, *none_match, *modified_since, *unmodified_since;
		enum static_condition result;
	} cases[] = {
		{NULL, NULL, NULL, NULL, STATIC_PROCEED},
		{NULL, ETAG, NULL, NULL, STATIC_NOT_MODIFIED},
		{NULL, "W/" ETAG, NULL, NULL, STATIC_NOT_MODIFIED},
		{NULL, "*", NULL, NULL, STATIC_NOT_MODIFIED},
		{NULL, "\"x\", W/\"y\" ,\t" ETAG, NULL, NULL, STATIC_NOT_MODIFIED},
		{NULL, "\"x\"", NULL, NULL, STATIC_PROCEED},
		{NULL, "", NULL, NULL, STATIC_PROCEED},
		{NULL, "abc", NULL, NULL, STATIC_PROCEED},
		{NULL, "\"abc", NULL, NULL, STATIC_PROCEED},
		{NULL, "\"", NULL, NULL, STATIC_PROCEED},
		{NULL, "\"ab\"c\"", NULL, NULL, STATIC_PROCEED},
		/* The tag decides alone when there is one. */
		{NULL, "\"x\"", DATE, NULL, STATIC_PROCEED},
		{NULL, NULL, DATE, NULL, STATIC_NOT_MODIFIED},
		{NULL, NULL, BEFORE, NULL, STATIC_PROCEED},
		{NULL, NULL, AFTER, NULL, STATIC_PROCEED},
		{NULL, NULL, "yesterday", NULL, STATIC_PROCEED},
		{ETAG, NULL, NULL, NULL, STATIC_PROCEED},
		{"*", NULL, NULL, NULL, STATIC_PROCEED},
		{"W/" ETAG, NULL, NULL, NULL, STATIC_FAILED},
		{"\"x\"", NULL, NULL, NULL, STATIC_FAILED},
		{"", NULL, NULL, NULL, STATIC_FAILED},
		{"\"x\"", ETAG, NULL, NULL, STATIC_FAILED},
		{ETAG, ETAG, NULL, NULL, STATIC_NOT_MODIFIED},
		{NULL, NULL, NULL, DATE, STATIC_PROCEED},
		{NULL, NULL, NULL, AFTER, STATIC_PROCEED},
		{NULL, NULL, NULL, BEFORE, STATIC_FAILED},
		{NULL, NULL, NULL, "rubbish", STATIC_PROCEED},
		{ETAG, NULL, NULL, BEFORE, STATIC_PROCEED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct static_request request = {
			.if_match = str_from(cases[i].match),
			.if_none_match = str_from(cases[i].none_match),
			.if_modified_since = str_from(cases[i].modified_since),
			.if_unmodified_since = str_from(cases[i].unmodified_since),
		};
		enum static_condition c = static_check_conditions(&request, ETAG, MODIFIED);
		if (c != cases[i].result)
			fail_msg("case %zu is %d", i, (int)c);
	}
}

static void if_range(void **state)
{
	static const struct {
		const char *field;
		bool holds;
	} cases[] = {
		{NULL, true},
		{ETAG, true},
		{"W/" ETAG, false},
		{"\"x\"", false},
		{DATE, true},
		{BEFORE, false},
		{AFTER, false},
		{"", false},
		{"*", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct static_request request = {.if_range = str_from(cases[i].field)};
		if (static_if_range_holds(&request, ETAG, MODIFIED) != cases[i].holds)
			fail_msg("case %zu", i);
	}
}

static void encodings(void **state)
{
	static const struct {
		const char *field;
		unsigned gzip, br;
	} cases[] = {
		{NULL, 0, 0},
		{"", 0, 0},
		{"gzip", 1000, 0},
		{"GZIP", 1000, 0},
		{"x-gzip", 1000, 0},
		{"gzip, deflate, br, zstd", 1000, 1000},
		{"gzip;q=0.5, br;q=0.25", 500, 250},
		{"gzip; q=0.123 ,br ; Q=1.000", 123, 1000},
		{"*", 1000, 1000},
		{"*;q=0.1, br;q=0", 100, 0},
		{"br;q=0, *;q=0.1", 100, 0},
		{"identity", 0, 0},
		{"gzip;q=0", 0, 0},
		{"gzip;q=0.000", 0, 0},
		{"gzip;q=1.001", 0, 0},
		{"gzip;q=2", 0, 0},
		{"gzip;q=0.1234", 0, 0},
		{"gzip;q=", 0, 0},
		{"gzip;q=x", 0, 0},
		{"gzip;q=0.5;x=y", 500, 0},
		{",,gzip,,", 1000, 0},
		{"gzipx, xgzip", 0, 0},
		{";q=1", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str field = str_from(cases[i].field);
		if (static_encoding_weight(field, "gzip") != cases[i].gzip ||
			static_encoding_weight(field, "br") != cases[i].br)
			fail_msg("%s", cases[i].field ? cases[i].field : "(absent)");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(if_range),
		cmocka_unit_test(encodings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
