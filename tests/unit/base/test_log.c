/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines: one event is one line, whatever the values contain.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/log.h"

#define LINE_BYTES 8192

/* What log_write() puts on standard error for this text. */
static void capture(enum log_level level, const char *value, char to[LINE_BYTES])
{
	int ends[2];
	int saved = dup(STDERR_FILENO);

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_write(level, "test.event", "value=%s", value);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	ssize_t n = read(ends[0], to, LINE_BYTES - 1);
	to[n > 0 ? n : 0] = '\0';
	(void)close(saved);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void levels(void **state)
{
	char line[LINE_BYTES];

	(void)state;
	capture(LOG_LEVEL_INFO, "x", line);
	assert_string_equal(line, "<6>test.event value=x\n");
	capture(LOG_LEVEL_DEBUG, "x", line);
	assert_string_equal(line, "");
	log_set_level(LOG_LEVEL_DEBUG);
	capture(LOG_LEVEL_DEBUG, "x", line);
	assert_string_equal(line, "<7>test.event value=x\n");
	log_set_level(LOG_LEVEL_ERROR);
	capture(LOG_LEVEL_WARN, "x", line);
	assert_string_equal(line, "");
	log_set_level(LOG_LEVEL_INFO);
}

static void no_forged_lines(void **state)
{
	char line[LINE_BYTES];

	(void)state;
	capture(LOG_LEVEL_ERROR, "a\n<3>deploy.failed app=x\r\x1b[2J\x7f", line);
	assert_string_equal(line, "<3>test.event value=a?<3>deploy.failed app=x??[2J?\n");
}

static void long_values_are_cut(void **state)
{
	char line[LINE_BYTES], value[6000];

	(void)state;
	memset(value, 'v', sizeof value);
	value[sizeof value - 1] = '\0';
	capture(LOG_LEVEL_ERROR, value, line);
	assert_int_equal(strlen(line), 4096);
	assert_int_equal(line[4095], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(no_forged_lines),
		cmocka_unit_test(long_values_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
