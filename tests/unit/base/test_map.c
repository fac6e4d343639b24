/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps: a thousand keys in, changed, out; order; keys with any byte.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/map.h"

static int values[3];

static void basics(void **state)
{
	struct map m;

	(void)state;
	map_init(&m);
	assert_null(map_get(&m, STR("a")));
	assert_null(map_remove(&m, STR("a")));
	assert_null(map_set(&m, STR("a"), &values[0]));
	assert_ptr_equal(map_set(&m, STR("a"), &values[1]), &values[0]);
	assert_ptr_equal(map_get(&m, STR("a")), &values[1]);
	assert_int_equal(map_count(&m), 1);
	/* Length and every byte count. */
	assert_null(map_set(&m, (struct str){"a\0b", 3}, &values[2]));
	assert_null(map_get(&m, (struct str){"a\0c", 3}));
	assert_null(map_set(&m, STR(""), &values[0]));
	assert_int_equal(map_count(&m), 3);
	assert_ptr_equal(map_remove(&m, STR("a")), &values[1]);
	assert_null(map_remove(&m, STR("a")));
	assert_null(map_get(&m, STR("a")));
	assert_int_equal(map_count(&m), 2);
	/* A key may come back. */
	assert_null(map_set(&m, STR("a"), &values[2]));
	assert_ptr_equal(map_get(&m, STR("a")), &values[2]);
	assert_int_equal(map_count(&m), 3);
	map_free(&m);
	map_free(&m);
}

static void many(void **state)
{
	struct map m;
	char key[32];
	static int numbers[5000];

	(void)state;
	map_init(&m);
	for (int i = 0; i < 5000; i++) {
		numbers[i] = i;
		(void)snprintf(key, sizeof key, "key-%d", i);
		assert_null(map_set(&m, str_from(key), &numbers[i]));
	}
	for (int i = 0; i < 5000; i += 2) {
		(void)snprintf(key, sizeof key, "key-%d", i);
		assert_ptr_equal(map_remove(&m, str_from(key)), &numbers[i]);
	}
	assert_int_equal(map_count(&m), 2500);
	int expected = 1;
	map_for_each (e, &m) {
		assert_int_equal(*(int *)e->value, expected);
		expected += 2;
	}
	assert_int_equal(expected, 5001);
	map_free(&m);
}

/* Keys that come and go must not grow the table without end. */
static void churn(void **state)
{
	struct map m;
	char key[32];

	(void)state;
	map_init(&m);
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(key, sizeof key, "%d", i);
		assert_null(map_set(&m, str_from(key), &values[0]));
		assert_non_null(map_remove(&m, str_from(key)));
	}
	assert_int_equal(map_count(&m), 0);
	assert_true(m.capacity <= 64);
	map_for_each (e, &m)
		fail();
	map_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basics),
		cmocka_unit_test(many),
		cmocka_unit_test(churn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
