/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/git/pack_scan.h"

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/buf.h"

enum { COMMIT = 1, TREE = 2, BLOB = 3, OFS = 6, REF = 7 };

static const struct pack_limits limits = {
	.pack_bytes_max = 100000,
	.file_bytes_max = 1000,
	.inflated_bytes_free = 5000,
	.inflated_ratio_max = 1,
	.objects_max = 100,
	.chain_max = 3,
};

static void begin(struct buf *b, uint32_t objects)
{
	uint32_t words[] = {htobe32(0x5041434b), htobe32(2), htobe32(objects)};

	assert_int_equal(buf_append(b, words, sizeof words), 0);
}

static void add_head(struct buf *b, unsigned type, uint64_t size)
{
	unsigned char c = (unsigned char)(type << 4 | (size & 15));

	for (size >>= 4; size > 0; size >>= 7) {
		unsigned char more = c | 0x80;
		assert_int_equal(buf_append(b, &more, 1), 0);
		c = size & 0x7f;
	}
	assert_int_equal(buf_append(b, &c, 1), 0);
}

static void add_data(struct buf *b, const void *data, size_t len)
{
	unsigned char to[4096];
	uLongf n = sizeof to;

	assert_int_equal(compress(to, &n, data, len), Z_OK);
	assert_int_equal(buf_append(b, to, n), 0);
}

static void add_zeros(struct buf *b, unsigned type, size_t size)
{
	static const char zeros[2000];

	add_head(b, type, size);
	add_data(b, zeros, size);
}

static void add_delta(struct buf *b, unsigned char back, unsigned result)
{
	const unsigned char text[] = {
		10, (unsigned char)(result & 0x7f) | 0x80, (unsigned char)(result >> 7), 1, 'x'};

	add_head(b, OFS, sizeof text);
	assert_int_equal(buf_append(b, &back, 1), 0);
	add_data(b, text, sizeof text);
}

static void end(struct buf *b)
{
	static const char checksum[20];

	assert_int_equal(buf_append(b, checksum, sizeof checksum), 0);
}

/* Feeds it in pieces of each size; the result must be the same. */
static void check(const struct buf *b, const char *words)
{
	for (size_t piece = 1; piece < buf_len(b) + 40; piece += 39) {
		struct pack_scan s;
		struct err err = {0};
		int r = 0;
		assert_int_equal(pack_scan_init(&s, &limits), 0);
		for (size_t at = 0; at < buf_len(b) && r == 0; at += piece) {
			size_t n = buf_len(b) - at < piece ? buf_len(b) - at : piece;
			r = pack_scan_feed(&s, buf_data(b) + at, n, &err);
		}
		if (!words && (r < 0 || !pack_scan_is_done(&s)))
			fail_msg("piece %zu: %s", piece, err.msg);
		if (words && (r != -EBADMSG || !strstr(err.msg, words)))
			fail_msg("piece %zu: %s", piece, err.msg);
		pack_scan_free(&s);
	}
}

static void test_good(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(10000);

	(void)state;
	begin(&b, 4);
	add_zeros(&b, BLOB, 0);
	add_zeros(&b, COMMIT, 300);
	size_t base = buf_len(&b);
	add_zeros(&b, TREE, 17);
	add_delta(&b, (unsigned char)(buf_len(&b) - base), 20);
	end(&b);
	check(&b, NULL);
}

static void test_file_size(void **state)
{
	(void)state;
	for (size_t over = 0; over <= 1; over++) {
		_cleanup_buf_ struct buf b = BUF_INIT(10000);
		begin(&b, 1);
		add_zeros(&b, BLOB, limits.file_bytes_max + over);
		end(&b);
		check(&b, over ? "the limit is 1000 B" : NULL);
	}
	for (unsigned over = 0; over <= 1; over++) {
		_cleanup_buf_ struct buf b = BUF_INIT(10000);
		begin(&b, 2);
		size_t base = buf_len(&b);
		add_zeros(&b, BLOB, 10);
		add_delta(&b, (unsigned char)(buf_len(&b) - base), 1000 + over);
		end(&b);
		check(&b, over ? "the limit is 1000 B" : NULL);
	}
}

static void test_claims(void **state)
{
	static const uint64_t claims[] = {1001, UINT64_C(10) << 30, UINT64_C(1) << 56};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT(10000);
		begin(&b, 1);
		add_head(&b, BLOB, claims[i]);
		check(&b, "the limit is");
	}
}

static void test_counts(void **state)
{
	(void)state;
	for (uint32_t over = 0; over <= 1; over++) {
		_cleanup_buf_ struct buf b = BUF_INIT(10000);
		begin(&b, limits.objects_max + over);
		for (uint32_t i = 0; i < limits.objects_max + over; i++)
			add_zeros(&b, BLOB, i);
		end(&b);
		check(&b, over ? "has 101 objects; the limit is 100" : NULL);
	}
}

static void test_all_contents_together(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(10000);

	(void)state;
	begin(&b, 8);
	for (int i = 0; i < 8; i++)
		add_zeros(&b, BLOB, 999);
	end(&b);
	check(&b, "a small pack claims contents of");
}

static void test_chains(void **state)
{
	(void)state;
	for (unsigned depth = 3; depth <= 4; depth++) {
		_cleanup_buf_ struct buf b = BUF_INIT(10000);
		begin(&b, depth + 1);
		size_t base = buf_len(&b);
		add_zeros(&b, BLOB, 10);
		for (unsigned i = 0; i < depth; i++) {
			size_t here = buf_len(&b);
			add_delta(&b, (unsigned char)(here - base), 20);
			base = here;
		}
		end(&b);
		check(&b, depth > limits.chain_max ? "chain of more than 3 deltas" : NULL);
	}
}

static void test_bases(void **state)
{
	static const unsigned char far[] = {0, 1, 5, 127};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT(10000);
		begin(&b, 2);
		add_zeros(&b, BLOB, 10);
		add_delta(&b, far[i], 20);
		check(&b, "a delta's base is not an object");
	}
}

static void test_damage(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(10000);

	(void)state;
	begin(&b, 1);
	add_head(&b, BLOB, 5);
	add_data(&b, "four", 4);
	check(&b, "shorter than it says");
	buf_clear(&b);
	begin(&b, 1);
	add_head(&b, BLOB, 3);
	add_data(&b, "four", 4);
	check(&b, "longer than it says");
	buf_clear(&b);
	begin(&b, 1);
	add_head(&b, 5, 4);
	add_data(&b, "four", 4);
	check(&b, "unknown type");
	buf_clear(&b);
	begin(&b, 1);
	add_head(&b, BLOB, 4);
	assert_int_equal(buf_puts(&b, "not zlib"), 0);
	check(&b, "the pack is damaged");
	buf_clear(&b);
	begin(&b, 0);
	end(&b);
	assert_int_equal(buf_puts(&b, "x"), 0);
	check(&b, "something follows its end");
	buf_clear(&b);
	assert_int_equal(buf_puts(&b, "KCAP12345678"), 0);
	check(&b, "does not start with PACK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_file_size),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_all_contents_together),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
