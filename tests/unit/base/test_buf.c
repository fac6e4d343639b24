/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers: growth, both ends, and the maximum that no operation passes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/buf.h"

static void appends_and_consumes(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(10);

	(void)state;
	assert_int_equal(buf_append(&b, "0123456789", 10), 0);
	assert_int_equal(buf_append(&b, "x", 1), -ENOBUFS);
	assert_int_equal(buf_append(&b, "", 0), 0);
	assert_int_equal(buf_len(&b), 10);
	buf_consume(&b, 4);
	assert_memory_equal(buf_data(&b), "456789", 6);
	/* Room in front is used by moving. */
	assert_int_equal(buf_append(&b, "abcd", 4), 0);
	assert_int_equal(buf_append(&b, "e", 1), -ENOBUFS);
	assert_memory_equal(buf_data(&b), "456789abcd", 10);
	buf_consume(&b, 10);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(b.start, 0);
	assert_int_equal(buf_room(&b), 10);
}

static void reserves(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1000);

	(void)state;
	assert_null(buf_reserve(&b, 1001));
	assert_null(buf_reserve(&b, SIZE_MAX));
	char *to = buf_reserve(&b, 1000);
	assert_non_null(to);
	memset(to, 'a', 1000);
	buf_commit(&b, 999);
	assert_int_equal(buf_len(&b), 999);
	assert_non_null(buf_reserve(&b, 1));
	assert_null(buf_reserve(&b, 2));
}

static void prints(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(8);

	(void)state;
	/* The NUL that printing writes needs its byte as well. */
	assert_int_equal(buf_printf(&b, "%d", 12345678), -ENOBUFS);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_printf(&b, "%d", 1234567), 0);
	assert_int_equal(buf_len(&b), 7);
	assert_string_equal(buf_cstr(&b), "1234567");
	assert_int_equal(buf_puts(&b, "8"), 0);
	assert_null(buf_cstr(&b));
	assert_int_equal(buf_puts(&b, "9"), -ENOBUFS);
	assert_memory_equal(buf_data(&b), "12345678", 8);
}

static void keeps_its_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(buf_puts(&b, "abcd"), 0);
	buf_clear(&b);
	assert_int_equal(buf_len(&b), 0);
	assert_non_null(b.base);
	assert_int_equal(buf_puts(&b, "efgh"), 0);
	buf_free(&b);
	assert_null(b.base);
	assert_int_equal(buf_puts(&b, "toolong"), -ENOBUFS);
	assert_int_equal(buf_puts(&b, "ok"), 0);
	buf_free(&b);
}

/* A stream through a small buffer arrives as it was sent, whatever the pieces. */
static void streams(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(777);
	unsigned char sent = 0, seen = 0;
	unsigned step = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		step = step * 1103515245u + 12345u;
		size_t n = (step >> 16) % 200;
		char *to = buf_reserve(&b, n);
		if (to) {
			for (size_t i = 0; i < n; i++)
				to[i] = (char)sent++;
			buf_commit(&b, n);
		}
		size_t take = (step >> 8) % (buf_len(&b) + 1);
		for (size_t i = 0; i < take; i++)
			assert_int_equal((unsigned char)buf_data(&b)[i], seen++);
		buf_consume(&b, take);
		assert_true(b.capacity <= b.max);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_and_consumes),
		cmocka_unit_test(reserves),
		cmocka_unit_test(prints),
		cmocka_unit_test(keeps_its_maximum),
		cmocka_unit_test(streams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
