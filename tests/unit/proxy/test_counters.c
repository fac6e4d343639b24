/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters: shared by tables, added up over workers, forgotten when nobody has them.
 */
#include "proxy/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_life(void **state)
{
	struct counters c;
	(void)state;
	counters_init(&c, 3);
	struct release_counters *a = counters_ref(&c, "a", 1);
	assert_ptr_equal(counters_ref(&c, "a", 1), a);
	struct release_counters *b = counters_ref(&c, "a", 2);
	assert_ptr_not_equal(a, b);

	counter_move(&a->cells[0].inflight, 1);
	counter_move(&a->cells[2].inflight, 2);
	counter_move(&a->cells[2].inflight, -1);
	counter_add(&a->cells[1].requests, 5);
	counter_add(&a->cells[2].errors_5xx, 1);
	struct counter_sum sum = release_counters_sum(&c, a);
	assert_int_equal(sum.inflight, 2);
	assert_int_equal(sum.requests, 5);
	assert_int_equal(sum.errors_5xx, 1);

	release_counters_unref(a);
	counters_prune(&c);
	assert_ptr_equal(counters_ref(&c, "a", 1), a);
	assert_int_equal(release_counters_sum(&c, a).requests, 5);
	release_counters_unref(a);
	release_counters_unref(a);
	release_counters_unref(NULL);
	counters_prune(&c);
	assert_ptr_equal(container_of(c.releases.next, struct release_counters, link), b);
	assert_ptr_equal(c.releases.next->next, &c.releases);
	counters_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_life)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
