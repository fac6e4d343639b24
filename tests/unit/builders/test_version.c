/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions against specifiers and ranges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builders/version.h"

struct row {
	const char *have, *want;
	enum version_answer answer;
};

static void test_python(void **state)
{
	static const struct row rows[] = {
		{"3.11.2", ">=3.10", VERSION_YES},
		{"3.11.2", ">=3.12", VERSION_NO},
		{"3.11.2", ">=3.10,<3.12", VERSION_YES},
		{"3.11.2", ">= 3.10 , < 3.11", VERSION_NO},
		{"3.11.2", "==3.11.*", VERSION_YES},
		{"3.11.2", "==3.11", VERSION_NO},
		{"3.11.0", "==3.11", VERSION_YES},
		{"3.11.2", "!=3.11.*", VERSION_NO},
		{"3.11.2", "!=3.11.1", VERSION_YES},
		{"3.11.2", "~=3.10", VERSION_YES},
		{"3.11.2", "~=3.10.1", VERSION_NO},
		{"4.0", "~=3.10", VERSION_NO},
		{"3.11.2", "<=3.11", VERSION_NO},
		{"3.11.2", ">3.11", VERSION_YES},
		{"3.11.2", "===3.11.2", VERSION_YES},
		{"3.11.2", "^3.10", VERSION_YES},
		{"3.11.2", "", VERSION_YES},
		{"3.11.2", ">=3.10rc1", VERSION_UNKNOWN},
		{"3.11.2", "3.11", VERSION_UNKNOWN},
		{"3.11.2", "nonsense", VERSION_UNKNOWN},
		{"", ">=3", VERSION_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (version_matches_python(rows[i].have, rows[i].want) != rows[i].answer)
			fail_msg("%s %s", rows[i].have, rows[i].want);
}

static void test_npm(void **state)
{
	static const struct row rows[] = {
		{"20.20.2", "20", VERSION_YES},
		{"20.20.2", "20.x", VERSION_YES},
		{"20.20.2", "v20.20.2", VERSION_YES},
		{"20.20.2", "18.x", VERSION_NO},
		{"20.20.2", "*", VERSION_YES},
		{"20.20.2", "", VERSION_YES},
		{"20.20.2", ">=18", VERSION_YES},
		{"20.20.2", ">= 18", VERSION_YES},
		{"20.20.2", ">=22", VERSION_NO},
		{"20.20.2", ">=18 <21", VERSION_YES},
		{"20.20.2", ">=18 <20", VERSION_NO},
		{"20.20.2", "^18 || ^20", VERSION_YES},
		{"20.20.2", "^18 || >=22.1", VERSION_NO},
		{"20.20.2", "^20.21", VERSION_NO},
		{"20.20.2", "~20.20", VERSION_YES},
		{"20.20.2", "~20.19.0", VERSION_NO},
		{"20.20.2", ">20", VERSION_NO},
		{"20.20.2", "<=20", VERSION_YES},
		{"20.20.2", "18 - 20", VERSION_YES},
		{"20.20.2", "16 - 18", VERSION_NO},
		{"20.20.2", "21 - 22", VERSION_NO},
		{"0.2.5", "^0.2.1", VERSION_YES},
		{"0.3.0", "^0.2.1", VERSION_NO},
		{"20.20.2", "lts/*", VERSION_UNKNOWN},
		{"20.20.2", "20.0.0-rc1", VERSION_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (version_matches_npm(rows[i].have, rows[i].want) != rows[i].answer)
			fail_msg("%s %s", rows[i].have, rows[i].want);
}

static void test_compare(void **state)
{
	(void)state;
	assert_int_equal(version_compare("1.21", "1.9"), 1);
	assert_int_equal(version_compare("1.21", "1.21.0"), 0);
	assert_int_equal(version_compare("1.20.14", "1.21rc1"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_python),
		cmocka_unit_test(test_npm),
		cmocka_unit_test(test_compare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
