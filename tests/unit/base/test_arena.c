/* SPDX-License-Identifier: Apache-2.0
 *
 * Arenas: alignment, zeroing, the maximum, what a reset keeps.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/arena.h"

static void aligned_and_zeroed(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t n = 0; n < 300; n++) {
		unsigned char *p = arena_alloc(&a, n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	/* Dirty memory is zeroed when it is handed out again. */
	arena_reset(&a);
	const unsigned char *p = arena_alloc(&a, 64);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(p[i], 0);
	arena_free(&a);
}

static void stops_at_its_maximum(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 100);
	assert_non_null(arena_alloc(&a, 60));
	assert_null(arena_alloc(&a, 41));
	assert_non_null(arena_alloc(&a, 40));
	assert_null(arena_alloc(&a, 1));
	assert_non_null(arena_alloc(&a, 0));
	assert_null(arena_alloc(&a, SIZE_MAX));
	arena_free(&a);
	arena_init(&a, SIZE_MAX);
	assert_null(arena_dup(&a, (struct str){"", SIZE_MAX}));
	arena_free(&a);
}

/* A keep-alive connection has its whole budget again for the next request. */
static void reset_gives_the_budget_back(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 8192);
	for (int i = 0; i < 10; i++) {
		assert_non_null(arena_alloc(&a, 3000));
		assert_non_null(arena_alloc(&a, 3000));
		arena_reset(&a);
		assert_int_equal(a.total, 0);
	}
	/* A large chunk is not kept. */
	assert_non_null(arena_alloc(&a, 8000));
	arena_reset(&a);
	assert_null(a.chunks);
	arena_free(&a);
	arena_free(&a);
}

static void copies_end_in_nul(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 16);
	assert_string_equal(arena_dup(&a, (struct str){"abcdef", 3}), "abc");
	assert_string_equal(arena_dup(&a, (struct str){0}), "");
	assert_null(arena_dup(&a, STR("0123456789ab")));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligned_and_zeroed),
		cmocka_unit_test(stops_at_its_maximum),
		cmocka_unit_test(reset_gives_the_budget_back),
		cmocka_unit_test(copies_end_in_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
