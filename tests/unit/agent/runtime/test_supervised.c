/* SPDX-License-Identifier: Apache-2.0
 *
 * State files: what a power cut may leave is refused, a spec comes back as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/runtime/supervised.h"
#include "lib/sys/file.h"

static const char path[] = "test_supervised.tmp";

static int read_text(const char *text, struct supervised *ret)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
	return supervised_read(path, ret);
}

static void test_state(void **state)
{
	struct supervised s;
	(void)state;

	assert_int_equal(
		read_text("{\"pid\":17,\"start_time\":99,\"state\":\"restarting\",\"restarts\":3,"
			  "\"since_ms\":1700000000000,\"exit\":4,\"timed_out\":false,"
			  "\"out_of_memory\":true,\"reason\":\"exited with status 4\"}\n",
			&s),
		0);
	assert_int_equal(s.pid, 17);
	assert_int_equal(s.start_time, 99);
	assert_int_equal(s.state, INSTANCE_RESTARTING);
	assert_int_equal(s.restarts, 3);
	assert_int_equal(s.exit_status, 4);
	assert_true(s.out_of_memory);
	assert_false(s.ended);
	assert_string_equal(s.reason, "exited with status 4");
}

static void test_damaged_state_is_refused(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "{}", "{\"pid\":17}",
		"{\"pid\":1,\"start_time\":99,\"state\":\"running\",\"restarts\":0,\"since_ms\":0,"
		"\"exit\":0,\"timed_out\":false,\"out_of_memory\":false,\"reason\":\"\"}",
		"{\"pid\":17,\"start_time\":99,\"state\":\"dancing\",\"restarts\":0,\"since_ms\":0,"
		"\"exit\":0,\"timed_out\":false,\"out_of_memory\":false,\"reason\":\"\"}"};
	struct supervised s;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (read_text(texts[i], &s) == 0)
			fail_msg("accepted: %s", texts[i]);
	(void)unlink(path);
	assert_true(supervised_read(path, &s) < 0);
}

static void test_spec_round_trip(void **state)
{
	const struct instance_spec spec = {.code_release = 4,
		.listens = true,
		.port = 20017,
		.memory_max = 1ull << 33,
		.stop_timeout_ms = 5000};
	struct instance_spec back = {0};
	(void)state;

	assert_int_equal(supervised_write_spec(path, &spec, NULL), 0);
	assert_int_equal(supervised_read_spec(path, &back), 0);
	assert_memory_equal(&spec, &back, sizeof spec);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_damaged_state_is_refused),
		cmocka_unit_test(test_spec_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
