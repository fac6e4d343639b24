/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/git/object.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID "01234567890123456789" /* 20 bytes, as a tree has them */
#define HEX "0123456789abcdef0123456789abcdef01234567"

static void test_tree(void **state)
{
	struct str rest = STR("100644 a\0" ID "40000 b c\0" ID);
	struct object_entry e;

	(void)state;
	assert_int_equal(object_next_entry(&rest, &e), 1);
	assert_int_equal(e.mode, OBJECT_MODE_FILE);
	assert_true(str_eq(e.name, STR("a")));
	assert_memory_equal(e.id, ID, OBJECT_ID_LEN);
	assert_int_equal(object_next_entry(&rest, &e), 1);
	assert_int_equal(e.mode, OBJECT_MODE_DIR);
	assert_true(str_eq(e.name, STR("b c")));
	assert_int_equal(object_next_entry(&rest, &e), 0);
}

static void test_bad_trees(void **state)
{
	static const struct str cases[] = {
		STR("1"),
		STR("100644"),
		STR("100644 "),
		STR("100644 a"),
		STR("100644 a\0"),
		STR("100644 a\0"
		    "0123456789012345678"),
		STR(" a\0" ID),
		STR("100648 a\0" ID),
		STR("1006441 a\0" ID),
		STR("x00644 a\0" ID),
		STR("\0"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str rest = cases[i];
		struct object_entry e;
		if (object_next_entry(&rest, &e) != -EBADMSG)
			fail_msg("case %zu", i);
	}
}

static void test_commit(void **state)
{
	struct str rest = STR("tree " HEX "\nparent " HEX "\nparent " HEX "\nauthor x\n");
	char id[IDENT_COMMIT_LEN + 1];

	(void)state;
	assert_int_equal(object_commit_tree(&rest, id), 0);
	assert_string_equal(id, HEX);
	assert_int_equal(object_next_parent(&rest, id), 1);
	assert_int_equal(object_next_parent(&rest, id), 1);
	assert_int_equal(object_next_parent(&rest, id), 0);
	assert_true(str_starts(rest, STR("author")));
}

static void test_bad_commits(void **state)
{
	static const struct str cases[] = {
		STR(""),
		STR("tree " HEX),
		STR("tree " HEX "0"),
		STR("tree 0123\n"),
		STR("tree 0123456789ABCDEF0123456789abcdef01234567\n"),
		STR("parent " HEX "\n"),
	};
	char id[IDENT_COMMIT_LEN + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str rest = cases[i];
		if (object_commit_tree(&rest, id) != -EBADMSG)
			fail_msg("case %zu", i);
	}
	struct str rest = STR("parent " HEX);
	assert_int_equal(object_next_parent(&rest, id), -EBADMSG);
}

static void test_tag(void **state)
{
	struct str good = STR("object " HEX "\ntype commit\n"), bad = STR("type commit\n");
	char id[IDENT_COMMIT_LEN + 1];

	(void)state;
	assert_int_equal(object_tag_target(&good, id), 0);
	assert_string_equal(id, HEX);
	assert_int_equal(object_tag_target(&bad, id), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_bad_trees),
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_bad_commits),
		cmocka_unit_test(test_tag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
