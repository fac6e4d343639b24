/* SPDX-License-Identifier: Apache-2.0
 *
 * Log files: whole lines with times, two files of bounded size whatever is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/runtime/supervise/log_file.h"
#include "agent/runtime/supervise/log_prune.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

static const char path[] = "test_log_file.tmp", old[] = "test_log_file.tmp.1";

static void test_lines_get_their_time(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct log_file l;
	size_t len;
	(void)state;

	(void)unlink(path);
	log_file_init(&l, path, 1 << 20);
	log_file_feed(&l, "one\ntw", 6);
	log_file_feed(&l, "o\nrest", 6);
	log_file_free(&l);
	assert_int_equal(file_read(path, 1 << 20, &text, &len, NULL), 0);
	struct str rest = {text, len}, line;
	for (size_t i = 0; str_split(&rest, '\n', &line); i++) {
		const char *const want[] = {"one", "two", "rest"};
		assert_true(i < ARRAY_SIZE(want));
		assert_int_equal(line.len, CLOCK_RFC3339_SIZE + strlen(want[i]));
		assert_int_equal(line.p[CLOCK_RFC3339_SIZE - 2], 'Z');
		assert_memory_equal(line.p + CLOCK_RFC3339_SIZE, want[i], strlen(want[i]));
	}
	(void)unlink(path);
}

static void test_a_flood_is_bounded(void **state)
{
	struct log_file l;
	char line[1000];
	(void)state;

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	log_file_init(&l, path, 100000);
	for (int i = 0; i < 1000; i++)
		log_file_feed(&l, line, sizeof line);
	log_file_free(&l);
	assert_true(file_exists(old));
	assert_true(file_tree_bytes(path) <= 104 * 1024);
	assert_true(file_tree_bytes(old) <= 104 * 1024);
	(void)unlink(path);
	(void)unlink(old);
}

static void write_log(const char *dir, const char *name, int age_s)
{
	_cleanup_free_ char *file = xasprintf("%s/%s", dir, name);
	const struct timespec times[2] = {{.tv_sec = 1000000 - age_s}, {.tv_sec = 1000000 - age_s}};

	assert_int_equal(file_replace(file, "0123456789", 10, 0600, NULL), 0);
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

static bool has(const char *dir, const char *name)
{
	_cleanup_free_ char *file = xasprintf("%s/%s", dir, name);
	return file_exists(file);
}

static void test_old_logs_go(void **state)
{
	char dir[] = "/tmp/berth-logs-XXXXXX";
	(void)state;

	assert_non_null(mkdtemp(dir));
	_cleanup_free_ char *own = xasprintf("%s/shop.5.web.1.log", dir);
	write_log(dir, "shop.5.web.1.log", 500); /* the oldest, but it is our own */
	write_log(dir, "shop.1.web.1.log", 400);
	write_log(dir, "shop.2.web.1.log.1", 300);
	write_log(dir, "shop.3.web.1.log", 200);
	write_log(dir, "notes.txt", 600);
	log_prune(own, 2, 1000);
	assert_false(has(dir, "shop.1.web.1.log"));
	assert_true(has(dir, "shop.2.web.1.log.1"));
	log_prune(own, 2, 15);
	assert_false(has(dir, "shop.2.web.1.log.1"));
	assert_true(has(dir, "shop.3.web.1.log"));
	assert_true(has(dir, "shop.5.web.1.log"));
	assert_true(has(dir, "notes.txt"));
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

static void test_a_removed_file_is_made_again(void **state)
{
	struct log_file l;
	(void)state;

	log_file_init(&l, path, 1 << 20);
	assert_int_equal(unlink(path), 0);
	log_file_feed(&l, "again\n", 6);
	assert_true(file_exists(path));
	log_file_free(&l);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_get_their_time),
		cmocka_unit_test(test_a_flood_is_bounded),
		cmocka_unit_test(test_old_logs_go),
		cmocka_unit_test(test_a_removed_file_is_made_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
