/* SPDX-License-Identifier: Apache-2.0
 *
 * Which folder, which app, which host.
 */
#include "cli/project.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "cli/hosts.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

static char *root; /* a fresh folder for each test */

static int make_root(void **state)
{
	(void)state;
	char dir[] = "/tmp/berth-cli-XXXXXX";
	root = realpath(mkdtemp(dir), NULL);
	(void)setenv("XDG_CONFIG_HOME", root, 1);
	(void)unsetenv("BERTH_HOST");
	(void)unsetenv("BERTH_TOKEN");
	(void)unsetenv("BERTH_CA_FILE");
	return root ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	struct err err = {0};
	int r = file_remove_tree(root, &err);
	free(root);
	return r;
}

static char *in_root(const char *rest)
{
	return xasprintf("%s/%s", root, rest);
}

static void put(const char *rest, const char *text)
{
	struct err err = {0};
	_cleanup_free_ char *path = in_root(rest);
	_cleanup_free_ char *dir = xstrdup(path);
	*strrchr(dir, '/') = 0;
	assert_int_equal(file_make_dirs(dir, 0755, &err), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, &err), 0);
}

static void test_names_from_folders(void **state)
{
	(void)state;
	static const struct {
		const char *dir, *name;
	} rows[] = {
		{"/home/me/shop", "shop"},
		{"/srv/My Shop.io", "my-shop-io"},
		{"/x/--a__b--", "a-b"},
		{"/x/2048", "app-2048"},
		{"/x/\xc3\xbc", "app"},
		{"/", "app"},
		{"/x/abcdefghijabcdefghijabcdefghijabcdefghi-jk",
			"abcdefghijabcdefghijabcdefghijabcdefghi"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[IDENT_APP_MAX + 1];
		struct err err = {0};
		project_name_from_folder(rows[i].dir, name);
		assert_string_equal(name, rows[i].name);
		assert_int_equal(ident_check_app(name, &err), 0);
	}
}

static void check_found(const char *from, const char *dir, bool has_manifest)
{
	struct project p;
	struct err err = {0};
	_cleanup_free_ char *start = in_root(from);
	_cleanup_free_ char *want = in_root(dir);
	assert_int_equal(project_find(start, &p, &err), 0);
	assert_string_equal(p.dir, want);
	assert_int_equal(!!p.manifest_path, has_manifest);
	project_clear(&p);
}

static void test_the_nearest_manifest_counts(void **state)
{
	(void)state;
	put("repo/.git/HEAD", "");
	put("repo/berth.yaml", "app: shop\n");
	put("repo/sub/deep/x", "");
	put("other/.git/HEAD", "");
	put("other/sub/x", "");
	put("berth.yaml", "app: above\n");
	check_found("repo/sub/deep", "repo", true);
	check_found("repo", "repo", true);
	check_found("other/sub", "other/sub", false);
}

static void test_a_manifest_names_the_app(void **state)
{
	(void)state;
	struct project p;
	struct err err = {0};
	char *app = NULL;
	put("good/berth.yaml", "app: shop\n");
	put("bad/berth.yaml", "app: shop\ndomians: [x]\n");
	_cleanup_free_ char *good = in_root("good");
	_cleanup_free_ char *bad = in_root("bad");
	assert_int_equal(project_find(good, &p, &err), 0);
	assert_int_equal(project_check(&p, &app, &err), 0);
	assert_string_equal(app, "shop");
	free(app);
	project_clear(&p);
	assert_int_equal(project_find(bad, &p, &err), 0);
	assert_int_equal(project_check(&p, &app, &err), -EINVAL);
	assert_true(has_prefix(err.msg, "berth.yaml:2:"));
	project_clear(&p);
}

static void check_url(const char *typed, const char *want)
{
	struct err err = {0};
	_cleanup_free_ char *url = NULL;
	int r = host_check_url(typed, &url, &err);
	if (r != (want ? 0 : -EINVAL) || !streq(url, want))
		fail_msg("%s: %s %s", typed, url, err.msg);
}

static void test_urls(void **state)
{
	(void)state;
	check_url("https://berth.example.com/", "https://berth.example.com");
	check_url("Berth.Example.com:8443", "https://berth.example.com:8443");
	check_url("https://[::1]:8443", "https://[::1]:8443");
	check_url("http://berth.example.com", NULL);
	check_url("https://me:secret@host", NULL);
	check_url("https://host/path", NULL);
	check_url("https://", NULL);
	check_url("host name", NULL);
}

static void test_hosts_are_kept(void **state)
{
	(void)state;
	struct host h;
	struct err err = {0};
	struct stat st;
	put("ca.pem", "-----BEGIN CERTIFICATE-----\n");
	_cleanup_free_ char *ca = in_root("ca.pem");
	_cleanup_free_ char *file = in_root("berth/hosts.json");
	struct host_entry e = {"https://a.example", "secret", ca};
	assert_int_equal(hosts_save(&e, &err), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	struct host_entry other = {"https://b.example", "other", NULL};
	assert_int_equal(hosts_save(&other, &err), 0);
	assert_int_equal(host_resolve(NULL, &h, &err), 0);
	assert_string_equal(h.url, "https://b.example");
	assert_string_equal(h.token, "other");
	host_clear(&h);
	assert_int_equal(host_resolve("a.example", &h, &err), 0);
	assert_string_equal(h.url, "https://a.example");
	assert_string_equal(h.token, "secret");
	assert_true(file_exists(h.ca_file));
	host_clear(&h);
	(void)setenv("BERTH_TOKEN", "from-env", 1);
	(void)setenv("BERTH_HOST", "https://a.example/", 1);
	assert_int_equal(host_resolve(NULL, &h, &err), 0);
	assert_string_equal(h.token, "from-env");
	assert_string_equal(h.origin, "BERTH_HOST");
	host_clear(&h);
}

static void test_sockets_and_folders(void **state)
{
	(void)state;
	struct host h;
	struct err err = {0};
	put("dev/run/agent.sock", "");
	put("empty/x", "");
	_cleanup_free_ char *dir = in_root("dev");
	_cleanup_free_ char *sock = in_root("dev/run/agent.sock");
	_cleanup_free_ char *prefixed = xasprintf("unix:%s", sock);
	_cleanup_free_ char *empty = in_root("empty");
	const char *const forms[] = {dir, sock, prefixed};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		assert_int_equal(host_resolve(forms[i], &h, &err), 0);
		assert_string_equal(h.unix_path, sock);
		assert_null(h.url);
		host_clear(&h);
	}
	assert_int_equal(host_resolve(empty, &h, &err), -ECONNREFUSED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_from_folders),
		TEST(test_the_nearest_manifest_counts),
		TEST(test_a_manifest_names_the_app),
		cmocka_unit_test(test_urls),
		TEST(test_hosts_are_kept),
		TEST(test_sockets_and_folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
