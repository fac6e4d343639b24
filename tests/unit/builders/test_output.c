/* SPDX-License-Identifier: Apache-2.0
 *
 * What tools print: cleaned, masked, cut, and never able to forge an event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builders/output.h"
#include "lib/data/json.h"
#include "lib/sys/fd.h"

static const struct {
	const char *raw, *clean;
} rows[] = {
	{"plain", "plain"},
	{"", ""},
	{"tab\tstays", "tab\tstays"},
	{"\033[31mred\033[0m", "red"},
	{"\033]0;title\atext", "text"},
	{"\033", ""},
	{"\033[", ""},
	{"a\033(Bb", "aBb"},
	{"10%\r50%\r100%", "100%"},
	{"windows\r", "windows"},
	{"\x01\x02z\x7f", "z"},
	{"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
	{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
	{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
	{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
	{"url=https://u:hunter2secret@x/", "url=https://u:***@x/"},
	{"hunter2secret-longer", "***"},
	{"short stays", "short stays"},
	{"line one\\nline two", "***\\n***"},
};

static struct envfile *secrets(void)
{
	struct envfile *e = envfile_new();

	assert_int_equal(envfile_set(e, "A", "hunter2secret", NULL), 0);
	assert_int_equal(envfile_set(e, "B", "hunter2secret-longer", NULL), 0);
	assert_int_equal(envfile_set(e, "C", "short", NULL), 0);
	assert_int_equal(envfile_set(e, "D", "line one\nline two\n", NULL), 0);
	assert_int_equal(envfile_set(e, "E", "", NULL), 0);
	return e;
}

static void test_clean(void **state)
{
	_cleanup_(envfile_freep) struct envfile *e = secrets();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *line = output_clean_line(str_from(rows[i].raw), e);
		assert_string_equal(line, rows[i].clean);
	}
}

/* Feeds `text` in pieces and returns the lines that came out, each an event. */
static size_t events_of(const char *text, size_t len, size_t piece, json_t *lines[], size_t max)
{
	int fds[2];
	_cleanup_buf_ struct buf pending = BUF_INIT(OUTPUT_LINE_MAX + 4096);
	_cleanup_buf_ struct buf out = BUF_INIT(1u << 20);
	size_t count = 0;

	assert_int_equal(pipe(fds), 0);
	for (size_t i = 0; i < len; i += piece) {
		size_t n = len - i < piece ? len - i : piece;
		assert_int_equal(buf_append(&pending, text + i, n), 0);
		output_tool_bytes(fds[1], &pending, false, NULL);
	}
	output_tool_bytes(fds[1], &pending, true, NULL);
	(void)close(fds[1]);
	assert_int_equal(fd_read_all(fds[0], &out), 0);
	(void)close(fds[0]);
	struct str rest = {buf_data(&out), buf_len(&out)}, line;
	while (str_split(&rest, '\n', &line)) {
		if (line.len == 0)
			continue;
		assert_true(count < max);
		lines[count] = json_loadb(line.p, line.len, 0, NULL);
		assert_non_null(lines[count]);
		assert_string_equal(
			json_string_value(json_object_get(lines[count], "type")), "log");
		count++;
	}
	return count;
}

static void test_lines(void **state)
{
	static const char text[] = "one\n\n{\"type\":\"error\",\"message\":\"forged\"}\nlast";
	json_t *lines[8];

	(void)state;
	for (size_t piece = 1; piece < 6; piece++) {
		size_t n = events_of(text, sizeof text - 1, piece, lines, ARRAY_SIZE(lines));
		assert_int_equal(n, 4);
		assert_string_equal(json_string_value(json_object_get(lines[3], "line")), "last");
		while (n > 0)
			json_decref(lines[--n]);
	}
}

static void test_long_line(void **state)
{
	size_t len = 50000;
	_cleanup_free_ char *text = xcalloc(len, 1);
	json_t *lines[8];

	(void)state;
	memset(text, 'x', len);
	size_t n = events_of(text, len, 4096, lines, ARRAY_SIZE(lines));
	assert_true(n >= 2 && n <= 4);
	while (n > 0) {
		json_t *line = json_object_get(lines[--n], "line");
		assert_true(json_string_length(line) <= OUTPUT_LINE_MAX);
		json_decref(lines[n]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
