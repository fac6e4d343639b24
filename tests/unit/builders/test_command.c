/* SPDX-License-Identifier: Apache-2.0
 *
 * Start commands: which program they start, and where exec goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builders/command.h"

static const struct {
	const char *command, *for_exec, *program; /* program NULL: cannot be known */
} rows[] = {
	{"gunicorn app:app", "exec gunicorn app:app", "gunicorn"},
	{"  ./bin/shop --port $PORT", "  exec ./bin/shop --port $PORT", "./bin/shop"},
	{"A=1 B='x y' node server.js", "A=1 B='x y' exec node server.js", "node"},
	{"exec node x", "exec node x", "node"},
	{"cd src && node x", "cd src && node x", NULL},
	{"node a; node b", "node a; node b", NULL},
	{"node a | tee log", "node a | tee log", NULL},
	{"node a > log", "node a > log", NULL},
	{"if true; then x; fi", "if true; then x; fi", NULL},
	{"cd src", "cd src", NULL},
	{"$SERVER run", "exec $SERVER run", NULL},
	{"~/x", "exec ~/x", NULL},
	{"'./my app' x", "exec './my app' x", "./my app"},
	{"sh -c 'a; b && c'", "exec sh -c 'a; b && c'", "sh"},
	{"echo \"a;b\"", "exec echo \"a;b\"", "echo"},
	{"echo a\\;b", "exec echo a\\;b", "echo"},
	{"echo 'open", "echo 'open", NULL},
	{"a\nb", "a\nb", NULL},
	{"A=1", "A=1", NULL},
	{"1A=x y", "exec 1A=x y", "1A=x"},
	{"", "", NULL},
	{"   ", "   ", NULL},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *line = command_for_exec(rows[i].command);
		_cleanup_free_ char *program = command_program(rows[i].command);
		assert_string_equal(line, rows[i].for_exec);
		if (!streq(program, rows[i].program))
			fail_msg("%s: %s", rows[i].command, program ? program : "(null)");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
