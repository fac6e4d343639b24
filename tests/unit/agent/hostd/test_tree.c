/* SPDX-License-Identifier: Apache-2.0
 *
 * Ownership of trees: links are not followed, what belongs to others stays theirs. Needs root to
 * give files away; without it only the walk itself is tested.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/hostd/tree.h"
#include "lib/sys/file.h"

#define FROM 61111
#define TO 61112

struct fixture {
	char dir[64];
	char *tree, *outside;
	uid_t from;
};

static char *in(const struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->dir, name);
}

static void make_file(const struct fixture *f, const char *name, uid_t owner, mode_t mode)
{
	_cleanup_free_ char *path = in(f, name);

	assert_int_equal(file_replace(path, "x", 1, 0600, NULL), 0);
	assert_int_equal(chown(path, owner, owner), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static struct stat stat_of(const struct fixture *f, const char *name)
{
	_cleanup_free_ char *path = in(f, name);
	struct stat st = {0};

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	(void)snprintf(f->dir, sizeof f->dir, "/tmp/berth-tree-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->tree = in(f, "tree");
	f->outside = in(f, "outside");
	f->from = geteuid() == 0 ? FROM : geteuid();
	assert_int_equal(mkdir(f->tree, 0700), 0);
	_cleanup_free_ char *sub = in(f, "tree/sub");
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(chown(f->tree, f->from, f->from), 0);
	assert_int_equal(chown(sub, f->from, f->from), 0);
	make_file(f, "outside", f->from, 0600);
	make_file(f, "tree/sub/plain", f->from, 0600);
	make_file(f, "tree/sub/setuid", f->from, 04755);
	_cleanup_free_ char *link = in(f, "tree/link");
	assert_int_equal(symlink("../outside", link), 0);
	assert_int_equal(lchown(link, f->from, f->from), 0);
	_cleanup_free_ char *pipe_path = in(f, "tree/pipe");
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	assert_int_equal(chown(pipe_path, f->from, f->from), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f->tree);
	free(f->outside);
	free(f);
	return 0;
}

static void test_a_tree_is_given_and_sealed(void **state)
{
	struct fixture *f = *state;
	uid_t to = geteuid() == 0 ? TO : geteuid();
	const struct tree_owners owners = {.from = f->from,
		.to_user = to,
		.to_group = geteuid() == 0 ? TO : getegid(),
		.seal = 1};

	assert_int_equal(tree_give(f->tree, &owners, NULL), 0);
	assert_int_equal(stat_of(f, "tree").st_uid, to);
	assert_int_equal(stat_of(f, "tree").st_mode & 07777, 0755);
	assert_int_equal(stat_of(f, "tree/sub/plain").st_uid, to);
	assert_int_equal(stat_of(f, "tree/sub/plain").st_mode & 07777, 0644);
	assert_int_equal(stat_of(f, "tree/sub/setuid").st_mode & 07777, 0755);
	assert_int_equal(stat_of(f, "tree/link").st_uid, to);
	_cleanup_free_ char *pipe_path = in(f, "tree/pipe");
	assert_false(file_exists(pipe_path));
	/* What a link points to is not part of the tree. */
	assert_int_equal(stat_of(f, "outside").st_uid, f->from);
	assert_int_equal(stat_of(f, "outside").st_mode & 07777, 0600);
}

static void test_what_belongs_to_others_stays(void **state)
{
	struct fixture *f = *state;
	const struct tree_owners owners = {.from = FROM, .to_user = TO, .to_group = TO};

	if (geteuid() != 0)
		skip();
	make_file(f, "tree/sub/root", 0, 0600);
	assert_int_equal(tree_give(f->tree, &owners, NULL), 0);
	assert_int_equal(stat_of(f, "tree/sub/root").st_uid, 0);
	assert_int_equal(stat_of(f, "tree/sub/plain").st_uid, TO);
}

static void test_a_link_is_no_tree(void **state)
{
	struct fixture *f = *state;
	const struct tree_owners owners = {
		.from = f->from, .to_user = f->from, .to_group = f->from};
	_cleanup_free_ char *link = in(f, "tree-link");

	assert_int_equal(symlink("tree", link), 0);
	assert_true(tree_give(link, &owners, NULL) < 0);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_fixture(test_a_tree_is_given_and_sealed),
		with_fixture(test_what_belongs_to_others_stays),
		with_fixture(test_a_link_is_no_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
