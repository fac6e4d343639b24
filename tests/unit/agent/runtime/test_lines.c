/* SPDX-License-Identifier: Apache-2.0
 *
 * The line splitter: any cut of the same bytes gives the same lines, always valid UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/runtime/lines.h"

struct seen {
	struct buf text; /* the lines, each between "[" and "]" */
	size_t count, longest;
};

static void on_seen(void *data, struct str line)
{
	struct seen *s = data;

	s->count++;
	s->longest = line.len > s->longest ? line.len : s->longest;
	(void)!buf_puts(&s->text, "[");
	(void)!buf_append(&s->text, line.p ? line.p : "", line.len);
	(void)!buf_puts(&s->text, "]");
}

static void split(struct str input, size_t piece, struct seen *seen)
{
	struct line_splitter l;

	*seen = (struct seen){.text = BUF_INIT(1 << 20)};
	line_splitter_init(&l, on_seen, seen);
	for (size_t i = 0; i < input.len; i += piece)
		line_splitter_feed(&l, input.p + i, input.len - i < piece ? input.len - i : piece);
	line_splitter_end(&l);
	line_splitter_free(&l);
}

static void test_lines(void **state)
{
	static const struct {
		struct str in;
		const char *want;
	} cases[] = {
		{STR(""), ""},
		{STR("a\nb\n"), "[a][b]"},
		{STR("a\r\n\nlast"), "[a][][last]"},
		{STR("gr\xc3\xbc\xc3\x9f\n"), "[gr\xc3\xbc\xc3\x9f]"},
		{STR("\xf0\x9f\x9a\xa2\n"), "[\xf0\x9f\x9a\xa2]"},
		{STR("a\0b\n"), "[a\xef\xbf\xbd"
				"b]"},
		{STR("\xff\xc3\n"), "[\xef\xbf\xbd\xef\xbf\xbd]"},
		{STR("\xed\xa0\x80\n"), "[\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd]"}, /* a surrogate */
		{STR("\xc0\xaf\n"), "[\xef\xbf\xbd\xef\xbf\xbd]"}, /* overlong '/' */
		{STR("\x1b[31mred\n"), "[\x1b[31mred]"},
	};
	struct seen seen;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t piece = 1; piece < 6; piece++) {
			split(cases[i].in, piece, &seen);
			assert_string_equal(
				buf_cstr(&seen.text) ? buf_cstr(&seen.text) : "", cases[i].want);
			buf_free(&seen.text);
		}
	}
}

static void test_a_long_line_comes_in_pieces(void **state)
{
	const size_t len = 5 * LINE_MAX_BYTES / 2;
	_cleanup_free_ char *text = xcalloc(len + 1, 1);
	struct seen seen;
	(void)state;

	memset(text, 'x', len);
	text[len] = '\n';
	split((struct str){text, len + 1}, 1000, &seen);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.longest, LINE_MAX_BYTES);
	buf_free(&seen.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_a_long_line_comes_in_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
