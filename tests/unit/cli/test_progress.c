/* SPDX-License-Identifier: Apache-2.0
 *
 * What a person sees of a deploy, for streams of events.
 */
#include "cli/progress.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct progress_style plain_style = {.is_unicode = true};
static const struct progress_style live_style = {.is_live = true, .is_unicode = true, .width = 40};

/* Feeds lines; the first word of a line is the monotonic time at which it comes. */
static void feed(struct progress *p, const char *const *lines)
{
	for (; *lines; lines++) {
		struct event e;
		int64_t now = strtoll(*lines, NULL, 10);
		const char *json = strchr(*lines, '{');
		assert_int_equal(event_parse(str_from(json), &e), 0);
		progress_on_event(p, &e, now);
		event_clear(&e);
	}
}

static void check(const struct progress_style *style, const char *const *lines, const char *want)
{
	struct progress *p = progress_new(style);
	feed(p, lines);
	assert_string_equal(buf_cstr(progress_output(p)), want);
	progress_free(p);
}

#define AT(s) "\"time\":\"2026-01-01T00:00:" s "Z\""

static const char *const good[] = {
	"0 {\"seq\":1,\"type\":\"state\",\"state\":\"queued\"," AT("00.000") "}",
	"0 {\"seq\":2,\"type\":\"state\",\"state\":\"checkout\"," AT("00.001") "}",
	"0 {\"seq\":3,\"type\":\"state\",\"state\":\"building\"," AT("00.031") "}",
	"0 {\"type\":\"reason\",\"text\":\"python: requirements.txt\"}",
	"0 {\"type\":\"step\",\"name\":\"install\",\"status\":\"started\"}",
	"0 {\"type\":\"log\",\"source\":\"build\",\"line\":\"\\u001b[31mCollecting\\u001b[0m x\"}",
	"0 {\"type\":\"step\",\"name\":\"install\",\"status\":\"done\",\"ms\":4200}",
	"0 {\"type\":\"state\",\"state\":\"checking\"," AT("05.000") "}",
	"0 {\"type\":\"log\",\"source\":\"app\",\"process\":\"web\",\"line\":\"listening\"}",
	"0 {\"type\":\"end\",\"state\":\"live\",\"exit\":0," AT("05.500") "}",
	NULL,
};

static void test_plain_lines(void **state)
{
	(void)state;
	check(&plain_style, good,
		"==> check out\n"
		"✓ check out                 30ms\n"
		"    python: requirements.txt\n"
		"==> install\n"
		"    Collecting x\n"
		"✓ install                   4.2s\n"
		"==> health check\n"
		"    web: listening\n"
		"✓ health check              500ms\n");
}

static void test_a_wait_is_shown_when_it_is_one(void **state)
{
	(void)state;
	struct progress *p = progress_new(&plain_style);
	static const char *const begin[] = {
		"0 {\"type\":\"state\",\"state\":\"queued\"," AT("00.000") "}", NULL};
	static const char *const end[] = {
		"9000 {\"type\":\"state\",\"state\":\"building\"," AT("09.000") "}", NULL};
	feed(p, begin);
	progress_tick(p, 100);
	assert_int_equal(buf_len(progress_output(p)), 0);
	progress_tick(p, 600);
	progress_tick(p, 700);
	feed(p, end);
	assert_string_equal(buf_cstr(progress_output(p)), "==> wait for other deploys\n"
							  "✓ wait for other deploys    9.0s\n");
	progress_free(p);
}

static void test_live_line(void **state)
{
	(void)state;
	struct progress *p = progress_new(&live_style);
	static const char *const lines[] = {
		"1000 {\"type\":\"step\",\"name\":\"install\",\"status\":\"started\"}",
		"1000 {\"type\":\"log\",\"source\":\"build\",\"line\":\"Collecting a-long-package-name\"}",
		NULL,
	};
	feed(p, lines);
	buf_clear(progress_output(p));
	progress_tick(p, 2300);
	assert_string_equal(
		buf_cstr(progress_output(p)), "\r⠸ install  1.3s  Collecting a-long-pack\x1b[K");
	buf_clear(progress_output(p));
	static const char *const done[] = {
		"2500 {\"type\":\"step\",\"name\":\"install\",\"status\":\"done\",\"ms\":1500}",
		NULL};
	feed(p, done);
	assert_string_equal(
		buf_cstr(progress_output(p)), "\r\x1b[K✓ install                   1.5s\n");
	progress_free(p);
}

static void test_a_failure_shows_the_tail(void **state)
{
	(void)state;
	struct progress *p = progress_new(&live_style);
	static const char *const begin[] = {
		"0 {\"type\":\"step\",\"name\":\"build\",\"status\":\"started\"}", NULL};
	static const char *const end[] = {
		"0 {\"type\":\"step\",\"name\":\"build\",\"status\":\"failed\",\"ms\":9}",
		"0 {\"type\":\"end\",\"state\":\"failed\",\"exit\":8}", NULL};
	feed(p, begin);
	for (int i = 0; i < 40; i++) {
		char line[128];
		(void)snprintf(line, sizeof line,
			"0 {\"type\":\"log\",\"source\":\"build\",\"line\":\"line %d\"}", i);
		const char *const lines[] = {line, NULL};
		feed(p, lines);
	}
	buf_clear(progress_output(p));
	feed(p, end);
	const char *text = buf_cstr(progress_output(p));
	assert_non_null(strstr(text, "✗ build                     9ms\n"));
	assert_non_null(strstr(text, "    (the last 30 of 40 lines; all with -v)\n    line 10\n"));
	assert_non_null(strstr(text, "    line 39\n"));
	assert_null(strstr(text, "line 9\n"));
	progress_free(p);
}

static void test_an_app_that_dies_at_its_health_check(void **state)
{
	(void)state;
	struct progress_style style = live_style;
	style.is_unicode = false;
	static const char *const lines[] = {
		"0 {\"type\":\"state\",\"state\":\"starting\"," AT("00.000") "}",
		"0 {\"type\":\"log\",\"source\":\"app\",\"process\":\"web\",\"line\":\"Traceback\"}",
		"0 {\"type\":\"state\",\"state\":\"checking\"," AT("01.000") "}",
		"0 {\"type\":\"end\",\"state\":\"failed\",\"exit\":10," AT("03.000") "}",
		NULL,
	};
	struct progress *p = progress_new(&style);
	feed(p, lines);
	const char *text = buf_cstr(progress_output(p));
	assert_non_null(strstr(text, "ok start                     1.0s\n"));
	assert_non_null(
		strstr(text, "failed: health check              2.0s\n    web: Traceback\n"));
	progress_free(p);
}

static void test_a_state_and_a_step_of_one_name(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"0 {\"type\":\"state\",\"state\":\"releasing\"," AT("00.000") "}",
		"0 {\"type\":\"step\",\"name\":\"release command\",\"status\":\"started\"}",
		"0 {\"type\":\"log\",\"source\":\"release\",\"line\":\"migrating\"}",
		"0 {\"type\":\"step\",\"name\":\"release command\",\"status\":\"done\",\"ms\":547}",
		"0 {\"type\":\"state\",\"state\":\"swapping\"," AT("01.000") "}",
		NULL,
	};
	check(&plain_style, lines,
		"==> release command\n"
		"    migrating\n"
		"✓ release command           547ms\n"
		"==> swap\n");
}

static void test_colour(void **state)
{
	(void)state;
	struct progress_style style = plain_style;
	style.color = true;
	static const char *const lines[] = {
		"0 {\"type\":\"step\",\"name\":\"x\",\"status\":\"done\",\"ms\":1}", NULL};
	check(&style, lines, "==> x\n\x1b[32m✓\x1b[0m x                         1ms\n");
}

static void test_steps_of_the_client(void **state)
{
	(void)state;
	struct progress *p = progress_new(&plain_style);
	progress_begin(p, "push", 100);
	progress_finish(p, true, "3 objects", 250);
	progress_note(p, "hello\x1b[2J");
	assert_string_equal(buf_cstr(progress_output(p)),
		"==> push\n✓ push                      150ms  3 objects\nhello\n");
	progress_free(p);
}

static void test_events(void **state)
{
	(void)state;
	struct event e;
	assert_true(event_parse(STR("nonsense"), &e) < 0);
	assert_true(event_parse(STR("[1]"), &e) < 0);
	assert_true(event_parse(STR("{\"type\":3}"), &e) < 0);
	assert_int_equal(event_parse(STR("{\"type\":\"later\"}"), &e), 0);
	assert_int_equal(e.type, EVENT_OTHER);
	event_clear(&e);
	/* An end without an exit code is no success. */
	static const char *const ends[] = {"{\"type\":\"end\"}", "{\"type\":\"end\",\"exit\":-1}",
		"{\"type\":\"end\",\"exit\":\"0\"}", "{\"type\":\"end\",\"exit\":256}"};
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		assert_int_equal(event_parse(str_from(ends[i]), &e), 0);
		assert_int_equal(e.exit, 3);
		event_clear(&e);
	}
}

int main(void)
{
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_lines),
		cmocka_unit_test(test_a_wait_is_shown_when_it_is_one),
		cmocka_unit_test(test_live_line),
		cmocka_unit_test(test_a_failure_shows_the_tail),
		cmocka_unit_test(test_an_app_that_dies_at_its_health_check),
		cmocka_unit_test(test_a_state_and_a_step_of_one_name),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_steps_of_the_client),
		cmocka_unit_test(test_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
