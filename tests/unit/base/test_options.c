/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines: what is taken, what is refused, where operands start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/options.h"
#include "lib/base/str.h"

struct values {
	bool check;
	const char *dir;
	uint64_t lines, memory;
};

/* The words "a b c" as a command line; the result of options_parse(). */
static int parse(const char *line, bool operands, struct values *v, int *operand)
{
	_cleanup_free_ char *copy = xasprintf("program %s", line);
	char *argv[16], *rest = copy;
	int argc = 0;
	const struct option_entry entries[] = {
		{"check", .flag = &v->check, .letter = 'n', .help = "h"},
		{"dir", .text = &v->dir, .required = !operands, .help = "h"},
		{"lines", .number = &v->lines, .min = 1, .max = 100, .help = "h"},
		{"memory", .size = &v->memory, .help = "h"},
	};
	const struct options o = {
		"program", "1", "about", operands ? "[FILE]" : NULL, entries, ARRAY_SIZE(entries)};

	for (char *word; (word = strsep(&rest, " ")) != NULL;)
		if (word[0] != '\0')
			argv[argc++] = word;
	int r = options_parse(&o, argc, argv, operand);
	/* `dir` points into the line, which ends here. */
	v->dir = v->dir && streq(v->dir, "/d") ? "/d" : v->dir ? "?" : NULL;
	return r;
}

static void test_values(void **state)
{
	static const struct {
		const char *line;
		int result;
		struct values values;
	} cases[] = {
		{"--dir /d", -1, {.dir = "/d"}},
		{"--dir=/d", -1, {.dir = "/d"}},
		{"-n --dir /d", -1, {.check = true, .dir = "/d"}},
		{"--check --dir /d", -1, {.check = true, .dir = "/d"}},
		{"--dir /d --lines 1", -1, {.dir = "/d", .lines = 1}},
		{"--dir /d --lines=100", -1, {.dir = "/d", .lines = 100}},
		{"--dir /d --lines 0", 2, {.dir = "/d"}},
		{"--dir /d --lines 101", 2, {.dir = "/d"}},
		{"--dir /d --lines x", 2, {.dir = "/d"}},
		{"--dir /d --memory 64M", -1, {.dir = "/d", .memory = 64 << 20}},
		{"--dir /d --memory much", 2, {.dir = "/d"}},
		{"--check=yes --dir /d", 2, {.check = true}},
		{"", 2, {0}},
		{"--dir", 2, {0}},
		{"--dri /d", 2, {0}},
		{"-x --dir /d", 2, {0}},
		{"-nn --dir /d", 2, {0}},
		{"--dir /d more", 2, {.dir = "/d"}},
		{"--help", 0, {0}},
		{"--version", 0, {0}},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct values v = {0};
		int r = parse(cases[i].line, false, &v, NULL);
		const struct values *want = &cases[i].values;
		if (r != cases[i].result || v.check != want->check || !streq(v.dir, want->dir) ||
			v.lines != want->lines || v.memory != want->memory)
			fail_msg("'%s' gives %d", cases[i].line, r);
	}
}

static void test_operands(void **state)
{
	static const struct {
		const char *line;
		int operand;
	} cases[] = {
		{"", 1},
		{"one", 1},
		{"-n one", 2},
		{"-n -- one", 3},
		{"-n --", 3},
		{"one -n", 1},
		{"-- -n", 2},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct values v = {0};
		int operand = 0;
		assert_int_equal(parse(cases[i].line, true, &v, &operand), -1);
		if (operand != cases[i].operand)
			fail_msg("'%s' gives %d", cases[i].line, operand);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_operands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
