/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates: what the local CA makes, and what survives on disk.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/edge/issuer.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

#define DAY_MS (24 * 3600 * 1000LL)

struct fixture {
	char dir[64];
	char *ca_dir, *certs_dir;
	struct certs *certs;
	struct issuer *issuer;
};

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	(void)snprintf(f->dir, sizeof f->dir, "/tmp/berth-certs.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->ca_dir = xasprintf("%s/ca", f->dir);
	f->certs_dir = xasprintf("%s/certs", f->dir);
	assert_int_equal(mkdir(f->certs_dir, 0700), 0);
	f->certs = certs_new(f->certs_dir);
	assert_int_equal(local_ca_new(f->ca_dir, &f->issuer, NULL), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	certs_free(f->certs);
	if (f->issuer)
		f->issuer->ops->free(f->issuer);
	(void)file_remove_tree(f->dir, NULL);
	free(f->ca_dir);
	free(f->certs_dir);
	free(f);
	return 0;
}

static void issue(struct fixture *f, const char *host)
{
	struct err err = {0};
	int r = f->issuer->ops->request(f->issuer, f->certs, host, &err);
	if (r != 1)
		fail_msg("%s: %s", host, err.msg);
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_leaf_covers_its_host_and_no_other(void **state)
{
	struct fixture *f = *state;
	const char *const hosts[] = {"shop.localhost", "www.example.com", "*.example.com",
		"a-label-that-is-quite-long-but-legal.and-another-one.of-the-same-kind.example.com"};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct x509_info info;
		issue(f, hosts[i]);
		assert_int_equal(certs_find(f->certs, hosts[i], &info), 0);
		assert_true(f->issuer->ops->accepts(f->issuer, hosts[i], &info));
		int64_t left = info.not_after_ms - clock_wall_ms();
		assert_in_range(left, 89 * DAY_MS, 90 * DAY_MS);
		_cleanup_free_ char *chain =
			certs_path(f->certs, hosts[i], info.serial, "chain.pem");
		_cleanup_free_ char *key = certs_path(f->certs, hosts[i], info.serial, "key.pem");
		_cleanup_(x509_pair_clear) struct x509_pair pair = {0};
		assert_int_equal(file_read(chain, X509_PEM_MAX, &pair.chain_pem, NULL, NULL), 0);
		assert_int_equal(file_read(key, X509_PEM_MAX, &pair.key_pem, NULL, NULL), 0);
		assert_int_equal(mode_of(key), 0640);
		assert_int_equal(x509_check(&pair, "other.localhost", &info, NULL), -EINVAL);
	}
}

static void test_names_that_are_no_hosts_get_nothing(void **state)
{
	struct fixture *f = *state;
	const char *const hosts[] = {"", "../x", "a b", "1.2.3.4", "x,DNS:evil.com", ".", "A.com"};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct err err;
		assert_true(f->issuer->ops->request(f->issuer, f->certs, hosts[i], &err) < 0);
	}
}

static void test_found_again_by_another_process(void **state)
{
	struct fixture *f = *state;
	struct x509_info first, second, found;

	issue(f, "shop.localhost");
	assert_int_equal(certs_find(f->certs, "shop.localhost", &first), 0);
	issue(f, "shop.localhost");
	assert_int_equal(certs_find(f->certs, "shop.localhost", &second), 0);
	assert_string_not_equal(first.serial, second.serial);
	certs_prune(f->certs, "shop.localhost", first.serial);
	struct certs *other = certs_new(f->certs_dir);
	assert_int_equal(certs_find(other, "shop.localhost", &found), 0);
	assert_string_equal(found.serial, first.serial);
	certs_free(other);
}

static void test_broken_folders_are_not_found(void **state)
{
	struct fixture *f = *state;
	struct x509_info info;

	issue(f, "shop.localhost");
	assert_int_equal(certs_find(f->certs, "shop.localhost", &info), 0);
	_cleanup_free_ char *key = certs_path(f->certs, "shop.localhost", info.serial, "key.pem");
	_cleanup_free_ char *other = NULL;
	assert_int_equal(x509_make_key(&other, NULL), 0);
	assert_int_equal(file_replace(key, other, strlen(other), 0640, NULL), 0);
	struct certs *fresh = certs_new(f->certs_dir);
	assert_int_equal(certs_find(fresh, "shop.localhost", &info), -ENOENT);
	certs_free(fresh);
}

static void test_a_pair_that_does_not_match_is_refused(void **state)
{
	struct fixture *f = *state;
	struct x509_info info;
	struct err err;

	issue(f, "shop.localhost");
	assert_int_equal(certs_find(f->certs, "shop.localhost", &info), 0);
	_cleanup_free_ char *chain =
		certs_path(f->certs, "shop.localhost", info.serial, "chain.pem");
	_cleanup_(x509_pair_clear) struct x509_pair pair = {0};
	assert_int_equal(file_read(chain, X509_PEM_MAX, &pair.chain_pem, NULL, NULL), 0);
	assert_int_equal(x509_make_key(&pair.key_pem, NULL), 0);
	assert_int_equal(certs_store(f->certs, "shop.localhost", &pair, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "not the key"));
}

static void test_the_ca_is_kept(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *cert = xasprintf("%s/ca.pem", f->ca_dir);
	_cleanup_free_ char *key = xasprintf("%s/ca.key", f->ca_dir);
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct issuer *again;
	struct err err;

	assert_int_equal(mode_of(key), 0600);
	assert_int_equal(file_read(cert, X509_PEM_MAX, &before, NULL, NULL), 0);
	assert_int_equal(local_ca_new(f->ca_dir, &again, NULL), 0);
	again->ops->free(again);
	assert_int_equal(file_read(cert, X509_PEM_MAX, &after, NULL, NULL), 0);
	assert_string_equal(before, after);

	/* Killed between key and certificate: the key gets its certificate. */
	assert_int_equal(unlink(cert), 0);
	assert_int_equal(local_ca_new(f->ca_dir, &again, NULL), 0);
	again->ops->free(again);

	assert_int_equal(unlink(key), 0);
	assert_int_equal(local_ca_new(f->ca_dir, &again, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "ca.key is missing"));
}

static void test_certificates_of_a_former_ca_are_not_accepted(void **state)
{
	struct fixture *f = *state;
	struct x509_info info;
	struct issuer *other;

	issue(f, "shop.localhost");
	assert_int_equal(certs_find(f->certs, "shop.localhost", &info), 0);
	_cleanup_free_ char *dir = xasprintf("%s/other", f->dir);
	assert_int_equal(local_ca_new(dir, &other, NULL), 0);
	assert_false(other->ops->accepts(other, "shop.localhost", &info));
	other->ops->free(other);
}

static void test_due_when_a_third_is_left(void **state)
{
	const struct x509_info info = {.not_before_ms = 0, .not_after_ms = 90 * DAY_MS};
	const struct {
		int64_t now;
		bool due;
	} cases[] = {{-1, true}, {0, false}, {60 * DAY_MS - 1, false}, {60 * DAY_MS, true},
		{90 * DAY_MS, true}, {1000 * DAY_MS, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(x509_is_due(&info, cases[i].now), cases[i].due);
}

/* What a CA may send, and what of it is taken. */
static void test_chains(void **state)
{
	int64_t now = clock_wall_ms();
	struct x509_pair root = {0}, other = {0}, leaf = {0};
	struct x509_info info;
	struct err err;

	(void)state;
	assert_int_equal(x509_make_key(&root.key_pem, &err), 0);
	assert_int_equal(x509_make_root("one", root.key_pem, 100, &root.chain_pem, &err), 0);
	assert_int_equal(x509_make_key(&other.key_pem, &err), 0);
	assert_int_equal(x509_make_root("one", other.key_pem, 100, &other.chain_pem, &err), 0);
	assert_int_equal(x509_make_leaf(&root, "a.example.com", 6, &leaf, &err), 0);
	_cleanup_free_ char *whole = xasprintf("%s%s", leaf.chain_pem, root.chain_pem);
	_cleanup_free_ char *turned = xasprintf("%s%s", root.chain_pem, leaf.chain_pem);
	_cleanup_free_ char *foreign = xasprintf("%s%s", leaf.chain_pem, other.chain_pem);
	_cleanup_free_ char *cut = xstrndup(whole, strlen(whole) - 40);
	const struct {
		char *chain, *key;
		const char *host;
		int64_t now;
		bool is_good;
	} cases[] = {
		{leaf.chain_pem, leaf.key_pem, "a.example.com", now, true},
		{whole, leaf.key_pem, "a.example.com", now, true},
		{turned, leaf.key_pem, "a.example.com", now, false},
		{foreign, leaf.key_pem, "a.example.com", now, false},
		{cut, leaf.key_pem, "a.example.com", now, false},
		{(char[]){""}, leaf.key_pem, "a.example.com", now, false},
		{whole, other.key_pem, "a.example.com", now, false},
		{whole, leaf.key_pem, "b.example.com", now, false},
		{whole, leaf.key_pem, "a.example.com", now + 7 * DAY_MS, false},
		{whole, leaf.key_pem, "a.example.com", now - DAY_MS, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct x509_pair pair = {cases[i].chain, cases[i].key};
		int r = x509_check_chain(&pair, cases[i].host, cases[i].now, &info, &err);
		if ((r == 0) != cases[i].is_good)
			fail_msg("%zu: %s", i, err.msg);
	}
	/* Six days: half of the life, not a third. */
	assert_false(x509_is_due(&info, now + 2 * DAY_MS));
	assert_true(x509_is_due(&info, now + 3 * DAY_MS));
	x509_pair_clear(&root);
	x509_pair_clear(&other);
	x509_pair_clear(&leaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_leaf_covers_its_host_and_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_names_that_are_no_hosts_get_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_found_again_by_another_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_broken_folders_are_not_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_pair_that_does_not_match_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_ca_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_certificates_of_a_former_ca_are_not_accepted, set_up, tear_down),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_due_when_a_third_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
