/* SPDX-License-Identifier: Apache-2.0
 *
 * Unit names and texts: what a sandbox must have, and what must not be in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/hostd/unit_text.h"

static struct hostd_request instance(void)
{
	return (struct hostd_request){
		.magic = HOSTD_MAGIC,
		.verb = HOSTD_INSTANCE_START,
		.app = "my-shop",
		.process = "web",
		.listens = 1,
		.release = 7,
		.code_release = 6,
		.index = 2,
		.volume_count = 1,
		.memory_max = 64 << 20,
		.volumes = {"media"},
	};
}

static const char *render(const struct hostd_request *r, bool has_build_env)
{
	static struct buf text;

	buf_free(&text);
	text = BUF_INIT(UNIT_TEXT_MAX);
	assert_int_equal(unit_text(r, has_build_env, &text), 0);
	return buf_cstr(&text);
}

static void test_names(void **state)
{
	static const char *const good[] = {
		"my-shop.7.web.2", "a.1.build", "a.1.plan", "a.99.release"};
	static const char *const bad[] = {"", "a", "a.1", "a.0.build", "a.1.other", "a.01.build",
		"a.1.web.0", "a.1.web.1.x", "../a.1.build", "a.1.web.1\n", "A.1.web.1",
		"a.1.build."};
	struct hostd_request r;
	char name[UNIT_NAME_MAX], unit[UNIT_NAME_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(name_parse(good[i], &r), 0);
		name_of(&r, name);
		assert_string_equal(name, good[i]);
		unit_of(&r, unit);
		assert_int_equal(unit_parse(unit, &r), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (name_parse(bad[i], &r) == 0)
			fail_msg("'%s' was accepted", bad[i]);
	assert_true(unit_parse("berth-app-a.1.build.service", &r) < 0);
	assert_true(unit_parse("berth-task-a.1.web.1.service", &r) < 0);
	assert_true(unit_parse("berth-app-.service", &r) < 0);
	assert_true(unit_parse("ssh.service", &r) < 0);
}

static void test_an_instance(void **state)
{
	static const char *const wanted[] = {"\nDynamicUser=yes\n", "\nUser=bapp-my-shop\n",
		"\nSlice=berth-app-my_shop.slice\n",
		"\nRootDirectory=/run/berth-hostd/roots/my-shop.7.web.2\n",
		"\nBindReadOnlyPaths=/var/lib/berth/apps/my-shop/releases/6/app:/app\n",
		"\nStateDirectory=berth/apps/my-shop/volumes/media\n",
		"\nBindPaths=/run/berth/apps/my-shop.7.web.2\n", "\nMemoryMax=67108864\n",
		"\nNoNewPrivileges=yes\n", "\nCapabilityBoundingSet=\n", "\nRestart=always\n",
		"\nLoadCredential=env:/var/lib/berth-hostd/my-shop.7.web.2/env\n",
		" --listen unix:/run/berth/apps/my-shop.7.web.2/app.sock\n",
		"\nWantedBy=berth-apps.target\n"};
	struct hostd_request r = instance();
	(void)state;

	const char *text = render(&r, false);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strstr(text, wanted[i]))
			fail_msg("%s is missing in:\n%s", wanted[i], text);
	r.port = 20001;
	text = render(&r, false);
	assert_non_null(strstr(text, " --port 20001\n"));
	assert_null(strstr(text, "--listen"));
}

static void test_a_build(void **state)
{
	const struct hostd_request r = {.magic = HOSTD_MAGIC,
		.verb = HOSTD_TASK_RUN,
		.app = "shop",
		.release = 7,
		.code_release = 7,
		.timeout_ms = 600000,
		.memory_max = 512 << 20};
	static const char *const wanted[] = {"\nUser=bbuild-shop\n",
		"\nBindPaths=/var/lib/berth/apps/shop/releases/7/app:/app\n",
		"\nRuntimeMaxSec=600000ms\n", "\nMemoryMax=536870912\n", "\nOOMPolicy=kill\n",
		"--cache-dir /cache --env-file %d/build.env\n"};
	(void)state;

	const char *text = render(&r, true);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strstr(text, wanted[i]))
			fail_msg("%s is missing in:\n%s", wanted[i], text);
	assert_null(strstr(text, "[Install]"));
	assert_null(strstr(text, "Restart="));
	assert_null(strstr(text, "StateDirectory"));
	assert_null(strstr(render(&r, false), "build.env"));
}

/* The longest names still fit, and two long apps do not share a user. */
static void test_long_names(void **state)
{
	struct hostd_request r = instance();
	char first[UNIT_TEXT_MAX];
	(void)state;

	memset(r.app, 'a', IDENT_APP_MAX);
	memset(r.process, 'p', IDENT_PROCESS_MAX);
	memset(r.volumes[0], 'v', IDENT_PROCESS_MAX);
	r.release = r.code_release = 100000000;
	r.index = 1000;
	r.volume_count = HOSTD_VOLUMES_MAX;
	for (unsigned n = 1; n < HOSTD_VOLUMES_MAX; n++)
		memcpy(r.volumes[n], r.volumes[0], sizeof r.volumes[0]);
	(void)snprintf(first, sizeof first, "%s", strstr(render(&r, false), "\nUser="));
	r.app[IDENT_APP_MAX - 1] = 'b';
	const char *second = strstr(render(&r, false), "\nUser=");
	size_t line = strcspn(first + 1, "\n");
	assert_int_equal(line, strlen("User=") + 4 + 1 + 14 + 1 + 8);
	assert_true(strncmp(first, second, line) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_an_instance),
		cmocka_unit_test(test_a_build),
		cmocka_unit_test(test_long_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
