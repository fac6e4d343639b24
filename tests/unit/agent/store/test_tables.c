/* SPDX-License-Identifier: Apache-2.0
 *
 * Each table of the store: what goes in comes out, what must not be is refused with words.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/store/progress.h"
#include "lib/base/str.h"

static char dir[64];
static struct store *s;
static struct err err;

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/berth-tables-XXXXXX");
	assert_non_null(mkdtemp(dir));
	_cleanup_free_ char *path = xasprintf("%s/store.db", dir);
	err = (struct err){0};
	assert_int_equal(store_open(path, &s, &err), 0);
	assert_int_equal(store_app_add(s, "shop", &err), 0);
	assert_int_equal(store_app_add(s, "blog", &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_close(s);
	const char *const names[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *name = xasprintf("%s/store.db%s", dir, names[i]);
		(void)unlink(name);
	}
	return rmdir(dir);
}

static unsigned add_release(const char *app, enum release_state release_state)
{
	struct release_row row = {.state = release_state};
	(void)snprintf(row.app, sizeof row.app, "%s", app);
	(void)snprintf(row.commit, sizeof row.commit, "%040d", 1);
	unsigned number = 0;
	assert_int_equal(store_release_add(s, &row, &number, &err), 0);
	return number;
}

static void test_apps(void **state)
{
	(void)state;
	assert_int_equal(store_app_add(s, "shop", &err), -EEXIST);
	assert_string_equal(err.msg, "an app named shop exists already");
	assert_int_equal(store_app_add(s, "../x", &err), -EINVAL);
	struct app_row *rows = NULL;
	size_t count = 0;
	assert_int_equal(store_app_list(s, &rows, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_string_equal(rows[0].name, "blog");
	free(rows);
	assert_int_equal(store_app_remove(s, "blog", &err), 0);
	assert_int_equal(store_app_remove(s, "blog", &err), -ENOENT);
}

static void test_release_numbers_are_never_used_twice(void **state)
{
	(void)state;
	assert_int_equal(add_release("shop", RELEASE_READY), 1);
	assert_int_equal(add_release("shop", RELEASE_READY), 2);
	assert_int_equal(add_release("blog", RELEASE_READY), 1);
	assert_int_equal(store_app_remove(s, "shop", &err), 0);
	assert_int_equal(store_app_add(s, "shop", &err), 0);
	assert_int_equal(add_release("shop", RELEASE_READY), 3);
	struct release_row row = {.app = "nobody"};
	unsigned number;
	assert_int_equal(store_release_add(s, &row, &number, &err), -ENOENT);
}

static void test_previous_release(void **state)
{
	(void)state;
	struct release_row row;
	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(add_release("shop", RELEASE_READY), i);
	assert_int_equal(store_release_previous(s, "shop", &row, &err), -ENOENT);
	/* 1, 2 and 4 were live; 3 never was; 2 was pruned since. */
	const unsigned lives[] = {1, 2, 4};
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++)
		assert_int_equal(store_release_set_live(s, "shop", lives[i], &err), 0);
	assert_int_equal(store_release_previous(s, "shop", &row, &err), 0);
	assert_int_equal(row.number, 2);
	release_row_clear(&row);
	assert_int_equal(store_release_set_state(s, "shop", 2, RELEASE_PRUNED, &err), 0);
	assert_int_equal(store_release_previous(s, "shop", &row, &err), 0);
	assert_int_equal(row.number, 1);
	release_row_clear(&row);
	assert_int_equal(store_release_set_live(s, "shop", 1, &err), 0);
	assert_int_equal(store_release_previous(s, "shop", &row, &err), -ENOENT);
	assert_int_equal(store_release_set_live(s, "shop", 99, &err), -ENOENT);
	struct app_row app;
	assert_int_equal(store_app_get(s, "shop", &app, &err), 0);
	assert_int_equal(app.live_release, 1);
}

static void test_release_rows(void **state)
{
	(void)state;
	char source[] = "{\"branch\":\"main\"}", description[] = "deploy";
	struct release_row in = {
		.app = "shop",
		.commit = "0123456789012345678901234567890123456789",
		.source = source,
		.description = description,
	};
	unsigned number;
	assert_int_equal(store_release_add(s, &in, &number, &err), 0);
	struct release_row out;
	assert_int_equal(store_release_get(s, "shop", number, &out, &err), 0);
	assert_string_equal(out.commit, in.commit);
	assert_string_equal(out.source, source);
	assert_string_equal(out.description, description);
	assert_int_equal(out.code_release, number);
	assert_int_equal(out.live_ms, 0);
	release_row_clear(&out);
	(void)add_release("shop", RELEASE_FAILED);
	struct release_row *rows;
	size_t count;
	assert_int_equal(store_release_list(s, "shop", 1, &rows, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].number, 2);
	assert_int_equal(rows[0].state, RELEASE_FAILED);
	release_row_clear(&rows[0]);
	free(rows);
	assert_int_equal(store_release_get(s, "shop", 7, &out, &err), -ENOENT);
	assert_string_equal(err.msg, "shop has no release v7");
}

static void test_env(void **state)
{
	(void)state;
	assert_int_equal(store_env_set(s, "shop", "B", "two\nlines", &err), 0);
	assert_int_equal(store_env_set(s, "shop", "A", "1", &err), 0);
	assert_int_equal(store_env_set(s, "shop", "A", "2", &err), 0);
	assert_int_equal(store_env_set(s, "shop", "C", "3", &err), 0);
	assert_int_equal(store_env_set(s, "shop", "C", NULL, &err), 0);
	assert_int_equal(store_env_set(s, "shop", "NOT THERE", "", &err), -EINVAL);
	assert_int_equal(store_env_set(s, "nobody", "A", "secret", &err), -ENOENT);
	assert_null(strstr(err.msg, "secret"));
	struct env_list list;
	assert_int_equal(store_env_get(s, "shop", &list, &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.pairs[0].name, "A");
	assert_string_equal(list.pairs[0].value, "2");
	assert_string_equal(list.pairs[1].value, "two\nlines");
	env_list_clear(&list);
	assert_int_equal(store_env_get(s, "blog", &list, &err), 0);
	assert_int_equal(list.count, 0);
	env_list_clear(&list);
}

static void test_domains(void **state)
{
	(void)state;
	assert_int_equal(store_domain_add(s, "shop", "shop.example.com", false, &err), 0);
	assert_int_equal(store_domain_add(s, "shop", "shop.example.com", true, &err), 0);
	assert_int_equal(store_domain_add(s, "blog", "shop.example.com", false, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "belongs to the app shop"));
	assert_int_equal(store_domain_add(s, "nobody", "x.example.com", false, &err), -ENOENT);
	assert_int_equal(store_domain_add(s, "shop", "not a domain", false, &err), -EINVAL);
	assert_int_equal(store_domain_add(s, "blog", "blog.example.com", true, &err), 0);
	struct domain_row *rows;
	size_t count;
	assert_int_equal(store_domain_list(s, NULL, &rows, &count, &err), 0);
	assert_int_equal(count, 2);
	free(rows);
	assert_int_equal(store_domain_list(s, "shop", &rows, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_false(rows[0].from_manifest);
	free(rows);
	assert_int_equal(store_domain_remove(s, "blog", "shop.example.com", &err), -ENOENT);
	assert_int_equal(store_app_remove(s, "shop", &err), 0);
	assert_int_equal(store_domain_add(s, "blog", "shop.example.com", false, &err), 0);
}

static void test_tokens(void **state)
{
	(void)state;
	char name[] = "laptop";
	struct token_row in = {.id = "a1", .name = name, .scope = "*", .expires_ms = 5};
	assert_int_equal(store_token_add(s, &in, "aa", &err), 0);
	struct token_row out;
	assert_int_equal(store_token_find(s, "bb", &out, &err), -ENOENT);
	assert_int_equal(store_token_find(s, "aa", &out, &err), 0);
	assert_string_equal(out.id, "a1");
	assert_string_equal(out.name, "laptop");
	assert_int_equal(out.expires_ms, 5);
	token_row_clear(&out);
	struct token_row *rows;
	size_t count;
	assert_int_equal(store_token_list(s, &rows, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_true(rows[0].used_ms > 0);
	token_row_clear(&rows[0]);
	free(rows);
	assert_int_equal(store_token_remove(s, "a1", &err), 0);
	assert_int_equal(store_token_remove(s, "a1", &err), -ENOENT);
}

static void test_deploys(void **state)
{
	(void)state;
	struct deploy_row in = {.app = "shop", .kind = "commit", .state = "queued"};
	uint64_t first = 0, second = 0;
	assert_int_equal(store_deploy_add(s, &in, &first, &err), 0);
	assert_int_equal(store_deploy_add(s, &in, &second, &err), 0);
	assert_true(second > first);
	char reason[] = "exited with status 3";
	struct deploy_row change = {.id = first,
		.state = "ended",
		.outcome = "failed",
		.release = 4,
		.previous = 3,
		.exit = 10,
		.reason = reason,
		.ended_ms = 77};
	assert_int_equal(store_deploy_update(s, &change, &err), 0);
	struct deploy_row out;
	assert_int_equal(store_deploy_get(s, first, &out, &err), 0);
	assert_string_equal(out.kind, "commit");
	assert_string_equal(out.outcome, "failed");
	assert_string_equal(out.reason, reason);
	assert_int_equal(out.exit, 10);
	deploy_row_clear(&out);
	struct deploy_row *rows;
	size_t count;
	assert_int_equal(store_deploy_list_unfinished(s, "ended", &rows, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].id, second);
	deploy_rows_free(rows, count);
	assert_int_equal(store_deploy_list(s, "shop", &rows, &count, &err), 0);
	assert_int_equal(count, 2);
	deploy_rows_free(rows, count);
	assert_int_equal(store_deploy_remove(s, first, &err), 0);
	assert_int_equal(store_deploy_get(s, first, &out, &err), -ENOENT);
	change.id = 12345;
	assert_int_equal(store_deploy_update(s, &change, &err), -ENOENT);
}

static void test_instances(void **state)
{
	(void)state;
	struct instance_row one = {.app = "shop", .process = "web", .release = 1, .index = 1};
	struct instance_row two = one;
	one.port = 20000;
	two.index = 2;
	two.port = 20000;
	assert_int_equal(store_instance_put(s, &one, &err), 0);
	assert_int_equal(store_instance_put(s, &one, &err), 0);
	assert_int_equal(store_instance_put(s, &two, &err), -EEXIST);
	two.port = 0;
	assert_int_equal(store_instance_put(s, &two, &err), 0);
	struct instance_row *rows;
	size_t count;
	assert_int_equal(store_instance_list(s, "shop", &rows, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].port, 20000);
	free(rows);
	assert_int_equal(store_instance_remove(s, &one, &err), 0);
	assert_int_equal(store_instance_remove(s, &one, &err), 0);
	assert_int_equal(store_instance_list(s, NULL, &rows, &count, &err), 0);
	assert_int_equal(count, 1);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_apps, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_release_numbers_are_never_used_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_previous_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_env, setup, teardown),
		cmocka_unit_test_setup_teardown(test_domains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deploys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_instances, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
