/* SPDX-License-Identifier: Apache-2.0
 *
 * When a failed order is tried again, over restarts and with a clock that moves.
 */
#include "agent/edge/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/sys/file.h"

#define MINUTE (60 * 1000LL)
#define HOUR (60 * MINUTE)
#define START (1700000000LL * 1000)
#define HOST "a.example.com"

struct fixture {
	char dir[64];
	char *path;
	struct schedule *s;
};

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	(void)snprintf(f->dir, sizeof f->dir, "/tmp/berth-schedule.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = xasprintf("%s/schedule.json", f->dir);
	f->s = schedule_new(f->path);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	schedule_free(f->s);
	(void)file_remove_tree(f->dir, NULL);
	free(f->path);
	free(f);
	return 0;
}

static void restart(struct fixture *f)
{
	schedule_free(f->s);
	f->s = schedule_new(f->path);
}

static void fail_at(struct fixture *f, int64_t now, struct schedule_failure failure)
{
	struct err err;

	if (!failure.words)
		failure.words = "no";
	if (schedule_failed(f->s, HOST, &failure, now, &err) < 0)
		fail_msg("%s", err.msg);
}

/* The wait is within [expected, expected + a tenth], to the millisecond, restarts included. */
static void assert_wait(struct fixture *f, int64_t now, int64_t at_least, int64_t at_most)
{
	restart(f);
	assert_false(schedule_may_order(f->s, HOST, now + at_least - 1));
	assert_true(schedule_may_order(f->s, HOST, now + at_most));
	int64_t wake = schedule_wake_ms(f->s, now);
	assert_true(wake >= now + at_least && wake <= now + at_most);
}

static void test_back_off(void **state)
{
	static const int64_t delays[] = {MINUTE, 10 * MINUTE, 100 * MINUTE, 24 * HOUR, 24 * HOUR};
	struct fixture *f = *state;
	int64_t now = START;

	assert_true(schedule_may_order(f->s, HOST, now));
	assert_int_equal(schedule_wake_ms(f->s, now), 0);
	for (size_t i = 0; i < ARRAY_SIZE(delays); i++) {
		fail_at(f, now, (struct schedule_failure){.random = (unsigned)(i * 777777777u)});
		assert_wait(f, now, delays[i], delays[i] + delays[i] / 10);
		assert_true(schedule_may_order(f->s, "b.example.com", now));
		now += delays[i] + delays[i] / 10;
	}
	assert_int_equal(schedule_get(f->s, HOST)->failures, ARRAY_SIZE(delays));
}

static void test_retry_after(void **state)
{
	struct fixture *f = *state;

	fail_at(f, START, (struct schedule_failure){.retry_after_s = 7200});
	assert_wait(f, START, 2 * HOUR, 2 * HOUR);
	fail_at(f, START + 2 * HOUR, (struct schedule_failure){.retry_after_s = 5});
	assert_wait(f, START + 2 * HOUR, 10 * MINUTE, 11 * MINUTE);
}

/* Somebody asks for a renewal again and again: the hour's limit holds. */
static void test_validations(void **state)
{
	struct fixture *f = *state;
	struct err err;

	for (int i = 0; i < 4; i++)
		fail_at(f, START + i * MINUTE, (struct schedule_failure){.is_validation = true});
	assert_int_equal(schedule_limited_until_ms(f->s, HOST, START + 4 * MINUTE), 0);
	/* The fifth: the wait after it is a day, so what is left of the hour does not show. */
	fail_at(f, START + 4 * MINUTE, (struct schedule_failure){.is_validation = true});
	assert_wait(f, START + 4 * MINUTE, 24 * HOUR, 27 * HOUR);
	assert_int_equal(schedule_get(f->s, HOST)->validations_ms[0], START);
	assert_int_equal(schedule_limited_until_ms(f->s, HOST, START + HOUR - 1), START + HOUR);
	assert_int_equal(schedule_limited_until_ms(f->s, HOST, START + HOUR), 0);
	assert_int_equal(schedule_issued(f->s, HOST, 90 * 24 * HOUR, START + 5 * MINUTE, &err), 0);
	assert_int_equal(schedule_get(f->s, HOST)->failures, 0);
	assert_string_equal(schedule_get(f->s, HOST)->error, "");
}

static void test_issued(void **state)
{
	struct fixture *f = *state;
	struct err err;

	assert_int_equal(schedule_issued(f->s, HOST, 90 * 24 * HOUR, START, &err), 0);
	assert_false(schedule_may_order(f->s, HOST, START + HOUR - 1));
	assert_true(schedule_may_order(f->s, HOST, START + HOUR));
	assert_int_equal(schedule_wake_ms(f->s, START), 0);
	assert_int_equal(schedule_issued(f->s, HOST, 4 * MINUTE, START, &err), 0);
	assert_true(schedule_may_order(f->s, HOST, START + MINUTE));
}

/* A clock that was a year ahead: the wait counts from when it is right again. */
static void test_clock_put_back(void **state)
{
	struct fixture *f = *state;
	int64_t year = 365 * 24 * HOUR;

	fail_at(f, START + year, (struct schedule_failure){0});
	restart(f);
	assert_false(schedule_may_order(f->s, HOST, START));
	assert_true(schedule_may_order(f->s, HOST, START + 2 * MINUTE));
}

static void test_words_and_file(void **state)
{
	struct fixture *f = *state;
	char longer[600];

	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	memcpy(longer + 382, "\xc3\xa4", 2); /* a character right at the end of what fits */
	fail_at(f, START, (struct schedule_failure){.words = longer});
	restart(f);
	assert_int_equal(strlen(schedule_get(f->s, HOST)->error), 382);
	assert_int_equal(file_replace(f->path, "{\"a\":[", 6, 0600, NULL), 0);
	restart(f);
	assert_true(schedule_may_order(f->s, HOST, START));
	assert_int_equal(file_replace(f->path, "{\"a\":{\"failures\":\"x\"}}", 22, 0600, NULL), 0);
	restart(f);
	assert_true(schedule_may_order(f->s, "a", START));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_back_off),
		TEST(test_retry_after),
		TEST(test_validations),
		TEST(test_issued),
		TEST(test_clock_put_back),
		TEST(test_words_and_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
