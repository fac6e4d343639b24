/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens and guesses, against a real store.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/api/access.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"

struct fixture {
	char dir[64];
	struct store *store;
	struct access *access;
};

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct err err;

	(void)snprintf(f->dir, sizeof f->dir, "/tmp/berth-access.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	_cleanup_free_ char *path = xasprintf("%s/store.db", f->dir);
	assert_int_equal(store_open(path, &f->store, &err), 0);
	f->access = access_new(f->store);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	access_free(f->access);
	store_close(f->store);
	(void)file_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

static void add_token(
	struct fixture *f, const char *scope, int64_t expires_ms, char token[TOKEN_SIZE])
{
	char hash[TOKEN_HASH_SIZE];
	struct token_row row = {.created_ms = clock_wall_ms(), .expires_ms = expires_ms};

	assert_int_equal(token_make(token, row.id, NULL), 0);
	token_hash(str_from(token), hash);
	row.name = xstrdup("ci");
	assert_int_equal(str_copy(row.scope, sizeof row.scope, str_from(scope)), 0);
	assert_int_equal(store_token_add(f->store, &row, hash, NULL), 0);
	token_row_clear(&row);
}

static int check(struct fixture *f, const char *token, const char *address)
{
	_cleanup_free_ char *value = xasprintf("Bearer %s", token);
	struct identity identity;
	unsigned wait_s;

	return access_check_token(
		f->access, str_from(value), str_from(address), &identity, &wait_s);
}

static void test_authorization_fields(void **state)
{
	char token[TOKEN_SIZE];
	static const char good[] = "berth_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	static const struct {
		const char *value;
		bool ok;
	} cases[] = {
		{"Bearer berth_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", true},
		{"bearer   berth_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", true},
		/* git:TOKEN, TOKEN: and x:short */
		{"Basic Z2l0OmJlcnRoX0FBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
			true},
		{"Basic YmVydGhfQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQTo=",
			true},
		{"Basic eDpzaG9ydA==", false},
		{"Basic ====", false},
		{"Basic", false},
		{"Bearer", false},
		{"Bearer berth_AAAA", false},
		{"Bearer berth_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'", false},
		{"Digest berth_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = token_from_authorization(str_from(cases[i].value), token);
		if ((r == 0) != cases[i].ok)
			fail_msg("%s", cases[i].value);
		if (r == 0)
			assert_string_equal(token, good);
	}
}

static void test_a_token_opens_its_scope(void **state)
{
	struct fixture *f = *state;
	char token[TOKEN_SIZE];
	struct identity identity;
	unsigned wait_s;

	add_token(f, "shop", 0, token);
	_cleanup_free_ char *value = xasprintf("Bearer %s", token);
	assert_int_equal(
		access_check_token(f->access, str_from(value), STR("::1"), &identity, &wait_s), 0);
	assert_true(identity_may(&identity, "shop"));
	assert_false(identity_may(&identity, "blog"));
	assert_false(identity_is_admin(&identity));
	assert_int_equal(store_token_remove(f->store, identity.token, NULL), 0);
	access_forget(f->access, identity.token);
	assert_int_equal(check(f, token, "::1"), -EACCES);
}

static void test_expired_tokens_open_nothing(void **state)
{
	struct fixture *f = *state;
	char token[TOKEN_SIZE];

	add_token(f, "*", clock_wall_ms() - 1, token);
	assert_int_equal(check(f, token, "::1"), -EACCES);
}

static void test_guesses_are_slowed(void **state)
{
	struct fixture *f = *state;
	char known[TOKEN_SIZE], fresh[TOKEN_SIZE], wrong[TOKEN_SIZE], id[TOKEN_ID_SIZE];
	int r = 0;

	add_token(f, "*", 0, known);
	add_token(f, "*", 0, fresh);
	assert_int_equal(check(f, known, "192.0.2.1"), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(token_make(wrong, id, NULL), 0);
		r = check(f, wrong, "192.0.2.1");
	}
	assert_int_equal(r, -EACCES);
	assert_int_equal(check(f, wrong, "192.0.2.1"), -EAGAIN);
	/* A guess that happens to be right is not looked at either. */
	assert_int_equal(check(f, fresh, "192.0.2.1"), -EAGAIN);
	/* Who worked from there goes on to work; other addresses never noticed. */
	assert_int_equal(check(f, known, "192.0.2.1"), 0);
	assert_int_equal(check(f, fresh, "192.0.2.2"), 0);
}

static void test_no_token_is_no_guess(void **state)
{
	struct fixture *f = *state;
	struct identity identity;
	unsigned wait_s;

	for (int i = 0; i < 50; i++)
		assert_int_equal(access_check_token(
					 f->access, STR(""), STR("192.0.2.1"), &identity, &wait_s),
			-EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authorization_fields),
		cmocka_unit_test_setup_teardown(test_a_token_opens_its_scope, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_expired_tokens_open_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_guesses_are_slowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_token_is_no_guess, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
