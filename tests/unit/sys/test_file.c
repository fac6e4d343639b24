/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: whole or not at all, no way out of a tree, and trees that are hard to remove.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

static char tree[] = "/tmp/berth-file.XXXXXX";

static char *at(const char *name)
{
	return xasprintf("%s/%s", tree, name);
}

static int make_tree(void **state)
{
	(void)state;
	return mkdtemp(tree) ? 0 : -1;
}

static int remove_tree(void **state)
{
	(void)state;
	return file_remove_tree(tree, NULL);
}

static unsigned entries(const char *path)
{
	_cleanup_free_ char *command = xasprintf("ls -A '%s' | wc -l", path);
	FILE *f = popen(command, "re"); /* NOLINT(cert-env33-c): a fixed command */
	unsigned n = 0;
	assert_int_equal(fscanf(f, "%u", &n), 1); /* NOLINT(cert-err34-c) */
	(void)pclose(f);
	return n;
}

static void replaces(void **state)
{
	_cleanup_free_ char *folder = at("replace");
	_cleanup_free_ char *path = at("replace/file");
	_cleanup_free_ char *text = NULL, *again = NULL;
	struct err err = {0};
	struct stat st;
	size_t len;

	(void)state;
	assert_int_equal(file_make_dirs(folder, 0755, &err), 0);
	assert_int_equal(file_replace(path, "one", 3, 0640, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(file_replace(path, "two\0x", 5, 0600, &err), 0);
	assert_int_equal(file_read(path, 5, &text, &len, &err), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(text, "two\0x", 6);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* No temporary file stays, and a failure leaves the old content. */
	assert_int_equal(entries(folder), 1);
	_cleanup_free_ char *lost = at("absent/file");
	assert_int_equal(file_replace(lost, "x", 1, 0600, &err), -ENOENT);
	assert_non_null(strstr(err.msg, lost));
	assert_int_equal(file_replace(folder, "x", 1, 0600, &err), -EISDIR);
	assert_int_equal(entries(tree), 1);
	assert_int_equal(file_read(path, 5, &again, NULL, &err), 0);
}

static void updates(void **state)
{
	_cleanup_free_ char *path = at("update");
	_cleanup_free_ char *text = NULL;
	struct err err = {0};
	struct stat before, after;

	(void)state;
	assert_int_equal(file_update(path, "one", 3, 0600, &err), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(file_update(path, "one", 3, 0600, &err), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_ino == before.st_ino);
	const char *const others[] = {"two", "on", "", "ones"};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(file_update(path, others[i], strlen(others[i]), 0600, &err), 0);
		free(take_ptr(text));
		assert_int_equal(file_read(path, 8, &text, NULL, &err), 0);
		assert_string_equal(text, others[i]);
	}
	assert_int_equal(unlink(path), 0);
}

static void reads(void **state)
{
	_cleanup_free_ char *path = at("limit");
	_cleanup_free_ char *fifo = at("fifo");
	_cleanup_free_ char *absent = at("absent");
	char *text = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(file_replace(path, "0123456789", 10, 0600, NULL), 0);
	assert_int_equal(file_read(path, 9, &text, NULL, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "9 bytes"));
	assert_null(text);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_read(fifo, 9, &text, NULL, &err), -EINVAL);
	assert_int_equal(file_read(tree, 9, &text, NULL, &err), -EINVAL);
	assert_int_equal(file_read(absent, 9, &text, NULL, &err), -ENOENT);
	assert_null(text);
}

static void makes_dirs(void **state)
{
	_cleanup_free_ char *deep = at("a/b/c");
	_cleanup_free_ char *file = at("a/file");
	_cleanup_free_ char *below = at("a/file/x");
	struct err err = {0};

	(void)state;
	assert_int_equal(file_make_dirs(deep, 0755, &err), 0);
	assert_int_equal(file_make_dirs(deep, 0755, &err), 0);
	assert_true(file_exists(deep));
	assert_int_equal(file_replace(file, "", 0, 0600, &err), 0);
	assert_int_equal(file_make_dirs(file, 0755, &err), -ENOTDIR);
	assert_int_equal(file_make_dirs(below, 0755, &err), -ENOTDIR);
	assert_false(file_exists(below));
}

static void opens_beneath(void **state)
{
	static const struct {
		const char *path;
		int result; /* 0: opens */
	} cases[] = {
		{"in", 0},
		{"dir/../in", 0},
		{"link-in", 0},
		{"../out", -EXDEV},
		{"dir/../../out", -EXDEV},
		{"link-out", -EXDEV},
		{"link-abs", -EXDEV},
		{"link-dir/out", -EXDEV},
		{"/etc/hostname", -EXDEV},
		{"link-magic/environ", -EXDEV},
		{"absent", -ENOENT},
		{"link-loop", -ELOOP},
	};
	static const char *const links[][2] = {
		{"beneath/link-in", "dir/../in"},
		{"beneath/link-out", "../out"},
		{"beneath/link-abs", "/etc/hostname"},
		{"beneath/link-dir", ".."},
		{"beneath/link-magic", "/proc/self"},
		{"beneath/link-loop", "link-loop"},
	};
	_cleanup_free_ char *dir = at("beneath/dir"), *in = at("beneath/in"), *out = at("out");
	_cleanup_free_ char *root = at("beneath");

	(void)state;
	assert_int_equal(file_make_dirs(dir, 0755, NULL), 0);
	assert_int_equal(file_replace(in, "in", 2, 0600, NULL), 0);
	assert_int_equal(file_replace(out, "out", 3, 0600, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		_cleanup_free_ char *link = at(links[i][0]);
		assert_int_equal(symlink(links[i][1], link), 0);
	}
	_cleanup_close_ int dirfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int fd = file_open_beneath(dirfd, cases[i].path, O_RDONLY);
		if (cases[i].result == 0 ? fd < 0 : fd != cases[i].result)
			fail_msg("%s gives %d", cases[i].path, fd);
		if (fd >= 0)
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		_cleanup_close_ int same =
			file_open_beneath_by_steps(dirfd, cases[i].path, O_RDONLY);
		if (cases[i].result == 0 ? same < 0 : same != cases[i].result)
			fail_msg("%s gives %d by steps", cases[i].path, same);
		if (same >= 0)
			assert_int_equal(fcntl(same, F_GETFD), FD_CLOEXEC);
	}
}

static void removes_trees(void **state)
{
	_cleanup_free_ char *root = at("remove"), *deep = at("remove/a/b/c"), *kept = at("kept");
	_cleanup_free_ char *file = at("remove/a/b/f"), *link = at("remove/a/link");
	_cleanup_free_ char *locked = at("remove/a/b");
	struct err err = {0};

	(void)state;
	assert_int_equal(file_make_dirs(deep, 0755, &err), 0);
	assert_int_equal(file_make_dirs(kept, 0755, &err), 0);
	assert_int_equal(file_replace(file, "x", 1, 0400, &err), 0);
	/* A link is removed, what it points to is not; read-only folders go as well. */
	assert_int_equal(symlink(kept, link), 0);
	assert_int_equal(chmod(locked, 0555), 0);
	assert_int_equal(file_remove_tree(root, &err), 0);
	assert_false(file_exists(root));
	assert_true(file_exists(kept));
	assert_int_equal(file_remove_tree(root, &err), 0);
	assert_int_equal(symlink(kept, root), 0);
	assert_int_equal(file_remove_tree(root, &err), 0);
	assert_false(file_exists(root));
	assert_true(file_exists(kept));
}

static void counts_bytes(void **state)
{
	_cleanup_free_ char *root = at("bytes"), *file = at("bytes/f"), *absent = at("nothing");
	_cleanup_free_ char *data = xcalloc(100000, 1);

	(void)state;
	assert_int_equal(file_make_dirs(root, 0755, NULL), 0);
	memset(data, 'x', 100000);
	assert_int_equal(file_replace(file, data, 100000, 0600, NULL), 0);
	int64_t bytes = file_tree_bytes(root);
	assert_true(bytes >= 100000 && bytes < 200000);
	assert_true(file_tree_bytes(absent) <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces),
		cmocka_unit_test(updates),
		cmocka_unit_test(reads),
		cmocka_unit_test(makes_dirs),
		cmocka_unit_test(opens_beneath),
		cmocka_unit_test(removes_trees),
		cmocka_unit_test(counts_bytes),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
