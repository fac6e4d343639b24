/* SPDX-License-Identifier: Apache-2.0
 *
 * The store as a file: modes, migrations, what is refused, transactions, a full disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>

#include <cmocka.h>

#include "agent/store/store.h"
#include "lib/base/str.h"

static char dir[] = "/tmp/berth-store-XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/berth-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/store.db", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	const char *const names[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *name = xasprintf("%s%s", path, names[i]);
		(void)unlink(name);
	}
	return rmdir(dir);
}

static struct store *open_store(void)
{
	struct store *s = NULL;
	struct err err = {0};
	if (store_open(path, &s, &err) < 0)
		fail_msg("store_open: %s", err.msg);
	return s;
}

static void write_file(const void *data, size_t n)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), (ssize_t)n);
}

static void test_the_file_is_private(void **state)
{
	(void)state;
	struct stat st;
	mode_t before = umask(0);
	struct store *s = open_store();
	struct err err;
	assert_int_equal(store_app_add(s, "shop", &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	_cleanup_free_ char *wal = xasprintf("%s-wal", path);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(s);
	(void)umask(before);
}

static void test_reopening_finds_everything(void **state)
{
	(void)state;
	struct err err;
	struct store *s = open_store();
	assert_int_equal(store_app_add(s, "shop", &err), 0);
	store_close(s);
	s = open_store();
	struct app_row app;
	assert_int_equal(store_app_get(s, "shop", &app, &err), 0);
	assert_string_equal(app.name, "shop");
	assert_int_equal(app.live_release, 0);
	store_close(s);
}

static void test_garbage_is_refused_and_kept(void **state)
{
	(void)state;
	char garbage[4096];
	memset(garbage, 'x', sizeof garbage);
	write_file(garbage, sizeof garbage);
	struct store *s = NULL;
	struct err err = {0};
	assert_int_equal(store_open(path, &s, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "damaged"));
	assert_non_null(strstr(err.msg, path));
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, sizeof garbage);
}

static void test_a_damaged_page_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct store *s = open_store();
	for (int i = 0; i < 200; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "app%d", i);
		assert_int_equal(store_app_add(s, name, &err), 0);
	}
	store_close(s); /* the last connection moves the log into the file */
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	char junk[4096];
	memset(junk, 0xa5, sizeof junk);
	assert_int_equal(pwrite(fd, junk, sizeof junk, 4096), sizeof junk);
	(void)close(fd);
	s = NULL;
	assert_true(store_open(path, &s, &err) < 0);
	assert_non_null(strstr(err.msg, "damaged"));
}

static void run_sql(const char *sql)
{
	_cleanup_free_ char *command =
		xasprintf("python3 -c \"import sqlite3; c = sqlite3.connect('%s');"
			  " c.executescript('%s'); c.commit(); c.close()\"",
			path, sql);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
}

static void test_a_newer_schema_is_refused(void **state)
{
	(void)state;
	store_close(open_store());
	run_sql("INSERT INTO migrations VALUES (9999, 0);");
	struct store *s = NULL;
	struct err err = {0};
	assert_int_equal(store_open(path, &s, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "newer than this program's"));
}

static void test_another_programs_database_is_refused(void **state)
{
	(void)state;
	run_sql("CREATE TABLE other (x);");
	struct store *s = NULL;
	struct err err = {0};
	assert_int_equal(store_open(path, &s, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "another program"));
}

static void test_an_empty_file_is_a_new_store(void **state)
{
	(void)state;
	write_file("", 0);
	store_close(open_store());
}

static void test_rollback_takes_all_back(void **state)
{
	(void)state;
	struct err err;
	struct store *s = open_store();
	assert_int_equal(store_begin(s, &err), 0);
	assert_int_equal(store_app_add(s, "shop", &err), 0);
	unsigned number = 0;
	struct release_row row = {.app = "shop", .state = RELEASE_BUILDING};
	assert_int_equal(store_release_add(s, &row, &number, &err), 0);
	store_rollback(s);
	struct app_row app;
	assert_int_equal(store_app_get(s, "shop", &app, &err), -ENOENT);
	assert_int_equal(store_begin(s, &err), 0);
	assert_int_equal(store_app_add(s, "shop", &err), 0);
	assert_int_equal(store_commit(s, &err), 0);
	assert_int_equal(store_app_get(s, "shop", &app, &err), 0);
	store_close(s);
}

/* A file that may not grow is what a full disk looks like to SQLite (EFBIG aside): the change is
 * refused with words, what was there stays, and it works again once there is room. */
static void test_a_write_that_fails_loses_nothing(void **state)
{
	(void)state;
	struct err err = {0};
	struct store *s = open_store();
	assert_int_equal(store_app_add(s, "shop", &err), 0);
	struct rlimit before, none;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	int r = store_app_add(s, "blog", &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(r < 0);
	assert_non_null(strstr(err.msg, "cannot"));
	struct app_row app;
	assert_int_equal(store_app_get(s, "shop", &app, &err), 0);
	assert_int_equal(store_app_get(s, "blog", &app, &err), -ENOENT);
	assert_int_equal(store_app_add(s, "blog", &err), 0);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_file_is_private, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopening_finds_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage_is_refused_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_damaged_page_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_newer_schema_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_another_programs_database_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_empty_file_is_a_new_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rollback_takes_all_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_write_that_fails_loses_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
