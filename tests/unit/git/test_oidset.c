/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/git/oidset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static git_oid id_of(unsigned n)
{
	git_oid id = {{0}};

	/* The first bytes are the hash: few of them differ, so that slots collide. */
	id.id[0] = (unsigned char)(n % 7);
	memcpy(id.id + 12, &n, sizeof n);
	return id;
}

static void test_members(void **state)
{
	struct oidset s = {0};
	const unsigned n = 3000;

	(void)state;
	for (unsigned i = 1; i <= n; i++) {
		git_oid id = id_of(i);
		assert_false(oidset_has(&s, &id));
		assert_true(oidset_add(&s, &id));
		assert_false(oidset_add(&s, &id));
	}
	assert_int_equal(s.count, n);
	for (unsigned i = 1; i <= 2 * n; i++) {
		git_oid id = id_of(i);
		assert_int_equal(oidset_has(&s, &id), i <= n);
	}
	oidset_free(&s);
	assert_int_equal(s.count, 0);
}

static void test_zero_is_no_member(void **state)
{
	struct oidset s = {0};
	git_oid zero = {{0}};

	(void)state;
	assert_false(oidset_add(&s, &zero));
	assert_false(oidset_has(&s, &zero));
	oidset_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_zero_is_no_member),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
