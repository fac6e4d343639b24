/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads and chunk frames, byte for byte, and what the parser reads from them.
 */
#include "lib/http/writer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/http/head.h"

static void test_heads(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);
	(void)state;
	assert_int_equal(http_write_request_line(&b, STR("GET"), STR("/x?y")), 0);
	assert_int_equal(http_write_field(&b, STR("Host"), STR("a.test")), 0);
	assert_int_equal(http_write_field_number(&b, STR("Content-Length"), UINT64_MAX), 0);
	assert_int_equal(http_write_end(&b), 0);
	assert_string_equal(buf_cstr(&b), "GET /x?y HTTP/1.1\r\nHost: a.test\r\n"
					  "Content-Length: 18446744073709551615\r\n\r\n");

	buf_clear(&b);
	assert_int_equal(http_write_status_line(&b, 404, (struct str){0}), 0);
	assert_int_equal(http_write_status_line(&b, 299, STR("Fine")), 0);
	assert_int_equal(http_write_status_line(&b, 299, (struct str){0}), 0);
	assert_string_equal(
		buf_cstr(&b), "HTTP/1.1 404 Not Found\r\nHTTP/1.1 299 Fine\r\nHTTP/1.1 299 \r\n");
}

static void test_values_cannot_end_a_line(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);
	(void)state;
	assert_int_equal(http_write_field(&b, STR("A"), STR("b\r\nC: d")), -EINVAL);
	assert_int_equal(http_write_field(&b, STR("A"), STR("b\0")), -EINVAL);
	assert_int_equal(buf_len(&b), 0);
}

static void test_full_buffer_is_unchanged(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(8);
	(void)state;
	assert_int_equal(http_write_field(&b, STR("Name"), STR("value")), -ENOBUFS);
	assert_int_equal(buf_len(&b), 0);
}

static void test_chunk_heads(void **state)
{
	static const struct {
		uint64_t size;
		const char *text;
	} cases[] = {
		{1, "1\r\n"},
		{15, "f\r\n"},
		{16, "10\r\n"},
		{65536, "10000\r\n"},
		{UINT64_MAX, "ffffffffffffffff\r\n"},
	};
	char to[HTTP_CHUNK_HEAD_MAX];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = http_format_chunk_head(to, cases[i].size);
		assert_true(str_eq((struct str){to, n}, str_from(cases[i].text)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_values_cannot_end_a_line),
		cmocka_unit_test(test_full_buffer_is_unchanged),
		cmocka_unit_test(test_chunk_heads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
