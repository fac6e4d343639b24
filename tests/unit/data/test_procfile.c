/* SPDX-License-Identifier: Apache-2.0
 *
 * Procfiles: what is read, and the line that errors name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/data/procfile.h"

static const struct {
	const char *text, *name, *command; /* command NULL: words of the error in `name` */
} cases[] = {
	{"web: gunicorn app:app\n", "web", "gunicorn app:app"},
	{"web:gunicorn app:app", "web", "gunicorn app:app"},
	{"# note\n// note\n\n  web :  x  \r\nworker: y\r\n", "web", "x"},
	{"web: x\r\nworker: y z\r\n", "worker", "y z"},
	{"web: x # comment\n", "web", "x"},
	{"web: echo 'a # b' # c\n", "web", "echo 'a # b'"},
	{"web: echo \"a # b\\\" # c\"\n", "web", "echo \"a # b\\\" # c\""},
	{"web: a#b\n", "web", "a#b"},
	{"\xef\xbb\xbfweb: x\n", "web", "x"},
	{"release: python manage.py migrate\n", "release", "python manage.py migrate"},
	{"web: x\nweb: y\n", "Procfile:2: web is given twice (first in line 1)", NULL},
	{"web: x\n\nnonsense\n", "Procfile:3: a line must read \"name: command\"", NULL},
	{"web:\n", "Procfile:1: web has no command", NULL},
	{"web: # c\n", "Procfile:1: web has no command", NULL},
	{": x\n", "Procfile:1: ", NULL},
	{"Web: x\n", "Procfile:1: ", NULL},
	{"web: a\001b\n", "Procfile:1: a control character", NULL},
	{"a:x\nb:x\nc:x\nd:x\ne:x\nf:x\ng:x\nh:x\ni:x\nj:x\nk:x\nl:x\nm:x\nn:x\no:x\np:x\nq:x\n",
		"Procfile:17: more than 16", NULL},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(procfile_freep) struct procfile *p = NULL;
		struct err err = {0};
		int r = procfile_parse("Procfile", cases[i].text, strlen(cases[i].text), &p, &err);
		if (!cases[i].command) {
			assert_true(r < 0);
			if (!has_prefix(err.msg, cases[i].name))
				fail_msg("%s gave %s", cases[i].text, err.msg);
			continue;
		}
		if (r < 0)
			fail_msg("%s gave %s", cases[i].text, err.msg);
		assert_string_equal(procfile_command(p, cases[i].name), cases[i].command);
	}
}

static void test_large(void **state)
{
	_cleanup_free_ char *text = xcalloc(PROCFILE_BYTES_MAX + 2, 1);
	_cleanup_(procfile_freep) struct procfile *p = NULL;
	struct err err;

	(void)state;
	memset(text, '\n', PROCFILE_BYTES_MAX + 1);
	assert_int_equal(procfile_parse("Procfile", text, PROCFILE_BYTES_MAX, &p, &err), 0);
	assert_null(procfile_command(p, "web"));
	procfile_free(take_ptr(p));
	assert_true(procfile_parse("Procfile", text, PROCFILE_BYTES_MAX + 1, &p, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
