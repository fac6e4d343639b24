/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors: words, codes, context, and text that does not fit.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/err.h"

static void sets(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(err_set(&err, ENOENT, "no app is called '%s'", "shop"), -ENOENT);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.msg, "no app is called 'shop'");
	assert_int_equal(err_errno(&err, EACCES, "cannot open %s", "x"), -EACCES);
	assert_string_equal(err.msg, "cannot open x: Permission denied");
	assert_int_equal(err_set(NULL, EINVAL, "dropped"), -EINVAL);
	assert_int_equal(err_errno(NULL, EINVAL, "dropped"), -EINVAL);
}

static void wraps(void **state)
{
	struct err err = {0};

	(void)state;
	(void)err_set(&err, EINVAL, "line 3: no value");
	assert_int_equal(err_wrap(&err, "berth.yaml"), -EINVAL);
	assert_string_equal(err.msg, "berth.yaml: line 3: no value");
	/* Arguments may point into the error itself. */
	assert_int_equal(err_set(&err, EIO, "again: %s", err.msg), -EIO);
	assert_string_equal(err.msg, "again: berth.yaml: line 3: no value");
	assert_int_equal(err_wrap(NULL, "x"), -EIO);
	struct err none = {0};
	assert_int_equal(err_wrap(&none, "x"), -EIO);
}

static void cuts(void **state)
{
	struct err err = {0};
	char text[ERR_MSG_MAX * 2];

	(void)state;
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	assert_int_equal(err_set(&err, EINVAL, "%s", text), -EINVAL);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(err_wrap(&err, "context"), -EINVAL);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	assert_int_equal(err_errno(&err, EACCES, "%s", text), -EACCES);
	assert_true(strlen(err.msg) < ERR_MSG_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets),
		cmocka_unit_test(wraps),
		cmocka_unit_test(cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
