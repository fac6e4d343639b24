/* SPDX-License-Identifier: Apache-2.0
 *
 * Build caches have a limit: the largest entry goes first, read-only folders too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "builders/cache.h"
#include "lib/base/base.h"
#include "lib/sys/file.h"

static void put(const char *dir, const char *name, size_t bytes)
{
	_cleanup_free_ char *folder = xasprintf("%s/%s/mod", dir, name);
	_cleanup_free_ char *path = xasprintf("%s/file", folder);
	_cleanup_free_ char *data = xcalloc(bytes, 1);
	struct err err;

	assert_int_equal(file_make_dirs(folder, 0755, &err), 0);
	assert_int_equal(file_replace(path, data, bytes, 0444, &err), 0);
	assert_int_equal(chmod(folder, 0555), 0); /* as Go's module cache is */
}

static bool has(const char *dir, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	return file_exists(path);
}

static void test_trim(void **state)
{
	char dir[] = "/tmp/berth-cache-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	put(dir, "pip", 1 << 20);
	put(dir, "go-mod", 3 << 20);
	put(dir, "kept", 2 << 20);
	assert_int_equal(cache_trim(dir, 64 << 20), 0);
	assert_int_equal(cache_trim(dir, 4 << 20), 1);
	assert_false(has(dir, "go-mod"));
	assert_true(has(dir, "pip") && has(dir, "kept"));
	assert_int_equal(cache_trim(dir, 0), 2);
	assert_false(has(dir, "pip") || has(dir, "kept"));
	assert_int_equal(cache_trim("/tmp/berth-no-such-folder", 0), 0);
	(void)file_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_trim)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
