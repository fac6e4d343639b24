/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors: short reads, full buffers, closed pipes.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>

#include <cmocka.h>

#include "lib/sys/fd.h"

static void make_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

static void reads_all_up_to_the_maximum(void **state)
{
	static const struct {
		size_t bytes, max;
		int result;
	} cases[] = {
		{0, 0, 0},
		{0, 10, 0},
		{10, 10, 0},
		{11, 10, -ENOBUFS},
		{1, 0, -ENOBUFS},
		{40000, 40000, 0},
		{40000, 39999, -ENOBUFS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int ends[2];
		_cleanup_free_ char *data = xcalloc(cases[i].bytes + 1, 1);
		_cleanup_buf_ struct buf b = BUF_INIT(cases[i].max);
		make_pipe(ends);
		assert_int_equal(fd_write_all(ends[1], data, cases[i].bytes), 0);
		(void)close(ends[1]);
		assert_int_equal(fd_read_all(ends[0], &b), cases[i].result);
		if (cases[i].result == 0)
			assert_int_equal(buf_len(&b), cases[i].bytes);
		(void)close(ends[0]);
	}
}

static void reads_once(void **state)
{
	int ends[2];
	_cleanup_buf_ struct buf b = BUF_INIT(4);

	(void)state;
	make_pipe(ends);
	assert_int_equal(fd_set_nonblocking(ends[0]), 0);
	assert_int_equal(fd_read(ends[0], &b, 100), -EAGAIN);
	assert_int_equal(fd_write_all(ends[1], "abcdef", 6), 0);
	assert_int_equal(fd_read(ends[0], &b, 3), 3);
	assert_int_equal(fd_read(ends[0], &b, 100), 1);
	assert_int_equal(fd_read(ends[0], &b, 100), -ENOBUFS);
	assert_memory_equal(buf_data(&b), "abcd", 4);
	buf_clear(&b);
	assert_int_equal(fd_read(ends[0], &b, 100), 2);
	(void)close(ends[1]);
	assert_int_equal(fd_read(ends[0], &b, 100), 0);
	(void)close(ends[0]);
}

static void writes(void **state)
{
	int ends[2];
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);

	(void)state;
	make_pipe(ends);
	assert_int_equal(fd_set_nonblocking(ends[1]), 0);
	assert_non_null(buf_reserve(&b, 1 << 20));
	buf_commit(&b, 1 << 20);
	ssize_t n = fd_write(ends[1], &b);
	assert_true(n > 0 && n < 1 << 20);
	assert_int_equal(buf_len(&b), (1 << 20) - n);
	assert_int_equal(fd_write(ends[1], &b), -EAGAIN);
	(void)close(ends[0]);
	assert_int_equal(fd_write(ends[1], &b), -EPIPE);
	assert_int_equal(fd_write_all(ends[1], "x", 1), -EPIPE);
	(void)close(ends[1]);
	assert_int_equal(fd_set_nonblocking(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_up_to_the_maximum),
		cmocka_unit_test(reads_once),
		cmocka_unit_test(writes),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
