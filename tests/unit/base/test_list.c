/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists: order, removal while walking, and removal twice.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/list.h"

struct item {
	int value;
	struct list link;
};

static void check(struct list *head, const char *expected)
{
	char seen[16];
	size_t n = 0;

	list_for_each (it, head) {
		assert_true(n < sizeof seen - 1);
		seen[n++] = (char)('0' + container_of(it, struct item, link)->value);
	}
	seen[n] = '\0';
	assert_string_equal(seen, expected);
}

static void order(void **state)
{
	struct list head;
	struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};

	(void)state;
	list_init(&head);
	assert_true(list_is_empty(&head));
	assert_null(list_pop_front(&head));
	list_append(&head, &items[1].link);
	list_append(&head, &items[3].link);
	list_prepend(&head, &items[0].link);
	list_insert_before(&items[3].link, &items[2].link);
	check(&head, "0123");
	assert_ptr_equal(list_pop_front(&head), &items[0].link);
	check(&head, "123");
	list_remove(&items[2].link);
	check(&head, "13");
	/* Once more does nothing, nor does removing what was never in a list. */
	list_remove(&items[2].link);
	struct item never = {0};
	list_remove(&never.link);
	check(&head, "13");
	list_append(&head, &items[2].link);
	check(&head, "132");
}

static void removal_while_walking(void **state)
{
	struct list head;
	struct item items[6];

	(void)state;
	list_init(&head);
	for (int i = 0; i < 6; i++) {
		items[i].value = i;
		list_append(&head, &items[i].link);
	}
	list_for_each_safe (it, &head) {
		if (container_of(it, struct item, link)->value % 2)
			list_remove(it);
	}
	check(&head, "024");
	list_for_each_safe (it, &head)
		list_remove(it);
	assert_true(list_is_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(removal_while_walking),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
