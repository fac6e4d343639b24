/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunked coding: every case is decoded whole and at every split into two pieces, with the
 * same outcome.
 */
#include "lib/http/chunked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

struct outcome {
	enum http_chunked_result result;
	size_t consumed;
	struct buf body;
};

static void feed(struct http_chunked *c, struct str piece, struct outcome *o)
{
	char data[1024];
	size_t consumed, body;

	assert_true(piece.len <= sizeof data);
	if (o->result != HTTP_CHUNKED_MORE || piece.len == 0)
		return;
	memcpy(data, piece.p, piece.len);
	o->result = http_chunked_decode(c, data, piece.len, &consumed, &body);
	o->consumed += consumed;
	assert_int_equal(buf_append(&o->body, data, body), 0);
}

static void decode(struct str text, size_t split, struct outcome *o)
{
	struct http_chunked c;

	http_chunked_init(&c);
	*o = (struct outcome){.result = HTTP_CHUNKED_MORE, .body = BUF_INIT(4096)};
	feed(&c, (struct str){text.p, split}, o);
	feed(&c, (struct str){text.p + split, text.len - split}, o);
}

static const struct {
	struct str text;
	const char *body; /* NULL: refused */
	size_t rest; /* bytes behind the end */
} cases[] = {
	{STR("0\r\n\r\n"), "", 0},
	{STR("5\r\nhello\r\n0\r\n\r\n"), "hello", 0},
	{STR("5\r\nhello\r\n00\r\n\r\nGET / H"), "hello", 7},
	{STR("0005\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), "hello!", 0},
	{STR("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), "01234567890123456789", 0},
	{STR("5;a=\"b;c\"\r\nhello\r\n0;x\r\n\r\n"), "hello", 0},
	{STR("5\r\nhello\r\n0\r\nX-T: 1\r\nY:\r\n\r\n"), "hello", 0},
	{STR("\r\n"), NULL, 0},
	{STR(";\r\n"), NULL, 0},
	{STR("g\r\n"), NULL, 0},
	{STR("0x5\r\n"), NULL, 0},
	{STR("-5\r\n"), NULL, 0},
	{STR("5 \r\n"), NULL, 0},
	{STR(" 5\r\n"), NULL, 0},
	{STR("5\nhello\r\n"), NULL, 0},
	{STR("5\rx"), NULL, 0},
	{STR("5;a\nb\r\n"), NULL, 0},
	{STR("5;a\rb\r\n"), NULL, 0},
	{STR("5\r\nhello\n0"), NULL, 0},
	{STR("5\r\nhelloX"), NULL, 0},
	{STR("5\r\nhello\r0"), NULL, 0},
	{STR("10000000000000005\r\n"), NULL, 0},
	{STR("0\r\nbad trailer\r\n"), NULL, 0},
	{STR("0\r\nA : b\r\n"), NULL, 0},
	{STR("0\r\n\n"), NULL, 0},
	{STR("0\r\nA: b\n"), NULL, 0},
};

static void test_cases_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t split = 0; split <= cases[i].text.len; split++) {
			struct outcome o;
			decode(cases[i].text, split, &o);
			bool ok = cases[i].body ? o.result == HTTP_CHUNKED_DONE &&
							  o.consumed == cases[i].text.len -
										cases[i].rest &&
							  str_eq((struct str){buf_data(&o.body),
									 buf_len(&o.body)},
								  str_from(cases[i].body))
						: o.result == HTTP_CHUNKED_BAD;
			buf_free(&o.body);
			if (!ok)
				fail_msg("case %zu at split %zu", i, split);
		}
	}
}

static void test_unfinished_is_more(void **state)
{
	struct str text = STR("5\r\nhello\r\n0\r\nA: b\r\n\r\n");
	(void)state;
	for (size_t n = 0; n < text.len; n++) {
		struct outcome o;
		decode((struct str){text.p, n}, 0, &o);
		assert_int_equal(o.result, HTTP_CHUNKED_MORE);
		buf_free(&o.body);
	}
}

static void test_lines_are_bounded(void **state)
{
	static const char *const starts[] = {"5;", "0\r\nA:"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		struct http_chunked c;
		char data[64];
		size_t consumed, body, total = 0;
		http_chunked_init(&c);
		memcpy(data, starts[i], strlen(starts[i]));
		assert_int_equal(http_chunked_decode(&c, data, strlen(starts[i]), &consumed, &body),
			HTTP_CHUNKED_MORE);
		memset(data, 'a', sizeof data);
		while (http_chunked_decode(&c, data, sizeof data, &consumed, &body) ==
			HTTP_CHUNKED_MORE) {
			total += consumed;
			assert_true(total < 20000);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_at_every_split),
		cmocka_unit_test(test_unfinished_is_more),
		cmocka_unit_test(test_lines_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
