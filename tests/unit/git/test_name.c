/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/git/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void test_entries(void **state)
{
	static const struct {
		struct str name;
		bool is_good;
	} cases[] = {
		{STR("index.html"), true},
		{STR(".gitignore"), true},
		{STR(".gitattributes"), true},
		{STR(".gitmodules"), true},
		{STR(".github"), true},
		{STR("git"), true},
		{STR("git~2"), true},
		{STR("git~10"), true},
		{STR(".gi"), true},
		{STR(".git1"), true},
		{STR("x.git"), true},
		{STR("..."), true},
		{STR("..a"), true},
		{STR("-rf"), true},
		{STR("a\nb"), true},
		{STR("\xff"), true},
		{STR(".git\xff"), true},
		{STR(".g\xc4\xb1t"), true}, /* a dotless i is another letter */
		{STR(""), false},
		{STR("."), false},
		{STR(".."), false},
		{STR("a/b"), false},
		{STR("/"), false},
		{STR("a\0b"), false},
		{STR(".git"), false},
		{STR(".GIT"), false},
		{STR(".gIt"), false},
		{STR("git~1"), false},
		{STR("GIT~1"), false},
		{STR(".git "), false},
		{STR(".git.."), false},
		{STR(".git . "), false},
		{STR(".git:x"), false},
		{STR(".git .:x"), false},
		{STR(".git\\hooks"), false},
		{STR("git~1."), false},
		{STR("git~1::$INDEX_ALLOCATION"), false},
		{STR("\xe2\x80\x8c.git"), false},
		{STR(".g\xe2\x80\x8dit"), false},
		{STR(".gi\xe2\x80\xaat"), false},
		{STR(".git\xe2\x81\xaf"), false},
		{STR(".GI\xef\xbb\xbfT"), false},
	};
	static char longest[NAME_ENTRY_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if ((name_entry_problem(cases[i].name) == NULL) != cases[i].is_good)
			fail_msg("case %zu: %s", i, cases[i].name.p);
	memset(longest, 'x', sizeof longest);
	assert_null(name_entry_problem((struct str){longest, NAME_ENTRY_MAX}));
	assert_non_null(name_entry_problem((struct str){longest, NAME_ENTRY_MAX + 1}));
}

static void test_links(void **state)
{
	static const struct {
		struct str target;
		unsigned depth; /* of its folder */
		bool is_good;
	} cases[] = {
		{STR("a"), 0, true},
		{STR("a/b/c"), 0, true},
		{STR("./a"), 0, true},
		{STR("."), 0, true},
		{STR("a//b/"), 0, true},
		{STR("..."), 0, true},
		{STR("../a"), 1, true},
		{STR(".."), 1, true},
		{STR("../../a"), 2, true},
		{STR("./.././../a"), 2, true},
		{STR(""), 0, false},
		{STR("/"), 0, false},
		{STR("/etc/passwd"), 5, false},
		{STR("//x"), 5, false},
		{STR(".."), 0, false},
		{STR("../a"), 0, false},
		{STR("../../a"), 1, false},
		{STR("./../../a"), 1, false},
		{STR("a/.."), 0, false},
		{STR("a/../../b"), 3, false},
		{STR("../a/../b"), 3, false},
		{STR("a\0/etc"), 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if ((name_link_problem(cases[i].target, cases[i].depth) == NULL) !=
			cases[i].is_good)
			fail_msg("case %zu: %s", i, cases[i].target.p);
}

static void test_refs(void **state)
{
	static const struct {
		struct str ref;
		enum name_ref_kind kind;
	} cases[] = {
		{STR("refs/heads/main"), NAME_REF_BRANCH},
		{STR("refs/heads/feature/x-1_y.z"), NAME_REF_BRANCH},
		{STR("refs/heads/@"), NAME_REF_BRANCH},
		{STR("refs/tags/v1.0"), NAME_REF_TAG},
		{STR("refs/berth/push/" COMMIT), NAME_REF_PUSH},
		{STR("refs/berth/releases/12"), NAME_REF_RELEASE},
		{STR("refs/berth/push/" COMMIT "0"), NAME_REF_REFUSED},
		{STR("refs/berth/push/0123"), NAME_REF_REFUSED},
		{STR("refs/berth/releases/x"), NAME_REF_REFUSED},
		{STR("refs/berth/releases/12345678901"), NAME_REF_REFUSED},
		{STR("refs/berth/other/1"), NAME_REF_REFUSED},
		{STR("refs/heads/"), NAME_REF_REFUSED},
		{STR("refs/heads"), NAME_REF_REFUSED},
		{STR("refs/heads//x"), NAME_REF_REFUSED},
		{STR("refs/heads/x/"), NAME_REF_REFUSED},
		{STR("refs/heads/.x"), NAME_REF_REFUSED},
		{STR("refs/heads/x."), NAME_REF_REFUSED},
		{STR("refs/heads/../x"), NAME_REF_REFUSED},
		{STR("refs/heads/a..b"), NAME_REF_REFUSED},
		{STR("refs/heads/a.lock"), NAME_REF_REFUSED},
		{STR("refs/heads/a.lock/b"), NAME_REF_REFUSED},
		{STR("refs/heads/a b"), NAME_REF_REFUSED},
		{STR("refs/heads/a\nb"), NAME_REF_REFUSED},
		{STR("refs/heads/a\x7f"), NAME_REF_REFUSED},
		{STR("refs/heads/\xc3\xa9"), NAME_REF_REFUSED},
		{STR("refs/heads/a\0b"), NAME_REF_REFUSED},
		{STR("refs/heads/-x"), NAME_REF_REFUSED},
		{STR("refs/heads/$(id)"), NAME_REF_REFUSED},
		{STR("refs/notes/x"), NAME_REF_REFUSED},
		{STR("HEAD"), NAME_REF_REFUSED},
		{STR("/refs/heads/x"), NAME_REF_REFUSED},
		{STR(""), NAME_REF_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (name_ref_kind(cases[i].ref) != cases[i].kind)
			fail_msg("case %zu: %s", i, cases[i].ref.p);
}

static void test_longest_ref(void **state)
{
	char ref[NAME_REF_MAX + 1];

	(void)state;
	memset(ref, 'x', sizeof ref);
	memcpy(ref, "refs/heads/", strlen("refs/heads/"));
	assert_int_equal(name_ref_kind((struct str){ref, NAME_REF_MAX}), NAME_REF_BRANCH);
	assert_int_equal(name_ref_kind((struct str){ref, NAME_REF_MAX + 1}), NAME_REF_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_refs),
		cmocka_unit_test(test_longest_ref),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
