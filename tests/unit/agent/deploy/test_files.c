/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine keeps in files: the event log of a deploy, a release's files, and folders that go.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/deploy/events.h"
#include "agent/deploy/janitor.h"
#include "agent/deploy/release_files.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

static char dir[64];
static char *log_path;

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/berth-files-XXXXXX");
	assert_non_null(mkdtemp(dir));
	log_path = xasprintf("%s/1.ndjson", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	struct err err;
	free(take_ptr(log_path));
	return file_remove_tree(dir, &err);
}

static char *read_all(struct event_log *l)
{
	struct buf b = BUF_INIT(32u << 20);
	uint64_t offset = 0;
	while (event_log_read(l, &offset, &b, 1000) > 0)
		continue;
	char *text = xstrndup(buf_len(&b) ? buf_data(&b) : "", buf_len(&b));
	buf_free(&b);
	return text;
}

static json_t *notice(const char *text)
{
	return json_pack("{s:s, s:s}", "type", "notice", "text", text);
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;
	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

static void test_events_are_numbered_and_taken_up(void **state)
{
	(void)state;
	struct event_log *l = event_log_open(log_path, 1000000);
	event_log_add(l, notice("one"));
	event_log_add_output(l, "app", "web", STR("a line with \"quotes\""));
	event_log_unref(l);
	/* A power cut left half a line behind. */
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"seq\":3,\"ti", 12), 12);
	(void)close(fd);
	l = event_log_open(log_path, 1000000);
	event_log_add(l, notice("two"));
	_cleanup_free_ char *text = read_all(l);
	assert_int_equal(count_of(text, "\n"), 3);
	assert_ptr_equal(strstr(text, "{\"seq\":1,\"time\":\""), text);
	assert_non_null(
		strstr(text, "\"line\":\"a line with \\\"quotes\\\"\",\"process\":\"web\""));
	assert_non_null(strstr(text, "{\"seq\":3,"));
	event_log_close(l);
	event_log_unref(l);
	l = event_log_open_finished(log_path);
	assert_true(event_log_is_closed(l));
	_cleanup_free_ char *again = read_all(l);
	assert_string_equal(again, text);
	event_log_unref(l);
	assert_null(event_log_open_finished("/tmp/berth-no-such-log"));
}

static void test_output_is_cut_and_events_are_not(void **state)
{
	(void)state;
	char line[1000];
	memset(line, 'x', sizeof line);
	struct event_log *l = event_log_open(log_path, 20000);
	for (int i = 0; i < 100; i++)
		event_log_add_output(l, "build", NULL, (struct str){line, sizeof line});
	event_log_add(l, notice("the last one"));
	_cleanup_free_ char *text = read_all(l);
	assert_true(strlen(text) < 25000);
	assert_int_equal(count_of(text, "the output is too long"), 1);
	assert_non_null(strstr(text, "the last one"));
	event_log_unref(l);
}

/* A file that may not grow any more stands for a full disk. */
static void test_a_full_disk_keeps_the_answer(void **state)
{
	(void)state;
	struct rlimit before, small;
	struct event_log *l = event_log_open(log_path, 1u << 20);
	event_log_add(l, notice("on disk"));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 100;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 20000; i++)
		event_log_add_output(l, "build", NULL, STR("a line that nobody can keep for good"));
	event_log_add(l, notice("in memory"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	_cleanup_free_ char *text = read_all(l);
	assert_non_null(strstr(text, "on disk"));
	assert_non_null(strstr(text, "in memory"));
	assert_true(strlen(text) < 300000);
	for (const char *at = text; *at; at = strchr(at, '\n') + 1)
		assert_int_equal(*at, '{');
	event_log_unref(l);
}

static void test_an_empty_line_is_a_line(void **state)
{
	(void)state;
	struct event_log *l = event_log_open(log_path, 20000);
	event_log_add_output(l, "release", NULL, (struct str){NULL, 0});
	_cleanup_free_ char *text = read_all(l);
	assert_non_null(strstr(text, "\"line\":\"\""));
	event_log_unref(l);
}

static void test_text_that_is_not_utf8(void **state)
{
	(void)state;
	json_t *o = event_text("caf\xc3");
	assert_string_equal(json_string_value(o), "caf?");
	json_decref(o);
	assert_true(json_is_null(event_text("")));
}

static void test_environment_files(void **state)
{
	(void)state;
	char a[] = "A", b[] = "B", c[] = "APP_URL", one[] = "1", lines[] = "x\ny", own[] = "mine";
	struct env_pair pairs[] = {{a, one}, {b, lines}, {c, own}};
	struct env_list env = {pairs, 2};
	struct err err = {0};
	struct stat st;
	_cleanup_free_ char *path = xasprintf("%s/env", dir);
	_cleanup_free_ char *text = NULL;
	assert_int_equal(
		release_write_env(path, "PROXY=http://p\nA=0\n", &env, "https://u", &err), 0);
	assert_int_equal(file_read(path, 4096, &text, NULL, &err), 0);
	assert_string_equal(text, "PROXY=http://p\nA=1\nAPP_URL=https://u\nB=\"x\\ny\"\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	env.count = 3;
	assert_int_equal(release_write_env(path, NULL, &env, "https://u", &err), 0);
	free(take_ptr(text));
	assert_int_equal(file_read(path, 4096, &text, NULL, &err), 0);
	assert_string_equal(text, "APP_URL=mine\nA=1\nB=\"x\\ny\"\n");
}

static void test_release_files(void **state)
{
	(void)state;
	static const char text[] =
		"{\"stack\":\"static\",\"statics\":[{\"prefix\":\"/\",\"dir\":\".\"}]}";
	const struct runtime_paths paths = {dir, dir, dir};
	struct plan *plan = NULL, *again = NULL;
	struct err err = {0};
	unsigned code = 0;
	assert_int_equal(release_make_dir(&paths, "shop", 3, &err), 0);
	assert_int_equal(plan_parse(text, strlen(text), &plan, &err), 0);
	const struct release_file file = {.app = "shop",
		.number = 3,
		.code_release = 2,
		.commit = "0123456789012345678901234567890123456789",
		.plan = plan};
	assert_int_equal(release_write(&paths, &file, &err), 0);
	assert_int_equal(release_load(&paths, "shop", 3, &again, &code, &err), 0);
	assert_int_equal(code, 2);
	assert_string_equal(again->statics[0].prefix, "/");
	plan_free(again);
	plan_free(plan);
	assert_true(release_load(&paths, "shop", 4, &again, &code, &err) < 0);
	assert_non_null(strstr(err.msg, "release v4 of shop"));
	/* A plan that is a link to somebody's file is not read. */
	_cleanup_free_ char *link = release_path(&paths, "shop", 3, "plan.json");
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(release_read_plan(&paths, "shop", 3, &again, &err), -ELOOP);
	assert_null(strstr(err.msg, "root"));
	_cleanup_free_ char *json = release_path(&paths, "shop", 3, "release.json");
	assert_int_equal(file_replace(json, "{\"plan\":", 8, 0644, &err), 0);
	assert_true(release_load(&paths, "shop", 3, &again, &code, &err) < 0);
	assert_non_null(strstr(err.msg, "damaged"));
}

static void test_the_janitor_moves_aside_at_once(void **state)
{
	(void)state;
	struct err err = {0};
	struct janitor *j = janitor_new();
	_cleanup_free_ char *folder = xasprintf("%s/releases/4", dir);
	_cleanup_free_ char *aside = xasprintf("%s" JANITOR_SUFFIX, folder);
	for (int i = 0; i < 20; i++) {
		_cleanup_free_ char *deep = xasprintf("%s/a/b/c", folder);
		assert_int_equal(file_make_dirs(deep, 0700, &err), 0);
		assert_int_equal(janitor_remove(j, folder, &err), 0);
		assert_false(file_exists(folder));
	}
	assert_int_equal(janitor_remove(j, folder, &err), 0);
	for (int i = 0; i < 2000 && file_exists(aside); i++)
		(void)usleep(1000);
	assert_false(file_exists(aside));
	janitor_free(j);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_events_are_numbered_and_taken_up),
		TEST(test_output_is_cut_and_events_are_not),
		TEST(test_a_full_disk_keeps_the_answer),
		TEST(test_an_empty_line_is_a_line),
		TEST(test_text_that_is_not_utf8),
		TEST(test_environment_files),
		TEST(test_release_files),
		TEST(test_the_janitor_moves_aside_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
