/* SPDX-License-Identifier: Apache-2.0
 *
 * Aligned columns.
 */
#include "cli/table.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *const heading[] = {"APP", "URL"};

static void check(const char *const *cells, size_t width, const char *bold, const char *want)
{
	struct table t;
	struct buf b = BUF_INIT(4096);
	table_init(&t, heading, 2);
	for (; *cells; cells += 2)
		table_add(&t, cells);
	table_format(&t, width, bold, &b);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
	table_free(&t);
}

static void test_alignment(void **state)
{
	(void)state;
	static const char *const cells[] = {
		"shop", "https://shop.example", "\xe6\x97\xa5", "", NULL, NULL};
	check(cells, 0, NULL,
		"APP   URL\n"
		"shop  https://shop.example\n"
		"\xe6\x97\xa5    -\n");
}

static void test_only_the_last_column_is_cut(void **state)
{
	(void)state;
	static const char *const cells[] = {"shop", "https://shop.example", NULL};
	check(cells, 12, NULL, "APP   URL\nshop  https…\n");
	check(cells, 3, NULL, "APP   URL\nshop  https://shop.example\n");
}

static void test_bold_heading_and_harmless_cells(void **state)
{
	(void)state;
	static const char *const cells[] = {"a\x1b[2J", "b\nc", NULL};
	check(cells, 0, "\x1b[1m", "\x1b[1mAPP  URL\x1b[0m\na    bc\n");
}

int main(void)
{
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_only_the_last_column_is_cut),
		cmocka_unit_test(test_bold_heading_and_harmless_cells),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
