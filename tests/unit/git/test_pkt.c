/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/git/pkt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_reads(void **state)
{
	static const struct {
		const char *in;
		ssize_t result;
		enum pkt_kind kind;
		const char *payload;
	} cases[] = {
		{"", 0, PKT_DATA, NULL},
		{"000", 0, PKT_DATA, NULL},
		{"0000rest", 4, PKT_FLUSH, ""},
		{"0004", 4, PKT_DATA, ""},
		{"0009hello0000", 9, PKT_DATA, "hello"},
		{"000Ahello!", 10, PKT_DATA, "hello!"},
		{"0009hell", 0, PKT_DATA, NULL},
		{"fff0", 0, PKT_DATA, NULL},
		{"0001", -EBADMSG, PKT_DATA, NULL},
		{"0002", -EBADMSG, PKT_DATA, NULL},
		{"0003", -EBADMSG, PKT_DATA, NULL},
		{"fff1", -EBADMSG, PKT_DATA, NULL},
		{"ffff", -EBADMSG, PKT_DATA, NULL},
		{"00g0", -EBADMSG, PKT_DATA, NULL},
		{" 004", -EBADMSG, PKT_DATA, NULL},
		{"-004", -EBADMSG, PKT_DATA, NULL},
		{"G", -EBADMSG, PKT_DATA, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum pkt_kind kind = PKT_DATA;
		struct str payload = {0};
		ssize_t n = pkt_read(str_from(cases[i].in), &kind, &payload);
		if (n != cases[i].result)
			fail_msg("%s: %zd", cases[i].in, n);
		if (n > 0) {
			assert_int_equal(kind, cases[i].kind);
			assert_true(str_eq(payload, str_from(cases[i].payload)));
		}
	}
}

static void test_writes(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(100);

	(void)state;
	assert_int_equal(pkt_printf(&b, "ok %s\n", "x"), 0);
	assert_int_equal(pkt_flush(&b), 0);
	assert_int_equal(pkt_sideband(&b, 2, "hi", 2), 0);
	assert_int_equal(pkt_sideband(&b, 1, NULL, 0), 0);
	assert_string_equal(buf_cstr(&b), "0009ok x\n00000007\002hi0005\001");
}

static void test_long_sideband_is_split(void **state)
{
	static char data[PKT_PAYLOAD_MAX];
	_cleanup_buf_ struct buf b = BUF_INIT(200000);
	enum pkt_kind kind;
	struct str payload;

	(void)state;
	assert_int_equal(pkt_sideband(&b, 2, data, sizeof data), 0);
	ssize_t n = pkt_read((struct str){buf_data(&b), buf_len(&b)}, &kind, &payload);
	assert_int_equal(n, PKT_MAX);
	assert_int_equal(buf_len(&b), PKT_MAX + 4 + 1 + 1);
}

static void test_full_buffer(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(8);

	(void)state;
	assert_int_equal(pkt_write(&b, "1234", 4), 0);
	assert_int_equal(pkt_write(&b, "", 0), -ENOBUFS);
	assert_int_equal(buf_len(&b), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_long_sideband_is_split),
		cmocka_unit_test(test_full_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
