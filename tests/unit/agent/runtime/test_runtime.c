/* SPDX-License-Identifier: Apache-2.0
 *
 * Instance names and addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/runtime/runtime.h"

static void test_names_round_trip(void **state)
{
	const struct instance_id id = {.app = "shop", .process = "web", .release = 7, .index = 2};
	struct instance_id back;
	char name[INSTANCE_NAME_MAX];
	(void)state;

	instance_name(&id, name);
	assert_string_equal(name, "shop.7.web.2");
	assert_int_equal(instance_parse(name, &back), 0);
	assert_string_equal(back.app, "shop");
	assert_string_equal(back.process, "web");
	assert_int_equal(back.release, 7);
	assert_int_equal(back.index, 2);
}

static void test_bad_names_are_refused(void **state)
{
	static const char *const names[] = {"", "shop", "shop.7.web", "shop.7.web.", "shop.7.web.0",
		"shop.0.web.1", "shop.07.web.1", "shop.7.web.1.", "shop.7.web.1.1", "Shop.7.web.1",
		"shop.7.../x.1", "shop.-7.web.1", "shop.7.web.4294967296", ".7.web.1",
		"shop.7.web.1 "};
	struct instance_id id;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (instance_parse(names[i], &id) == 0)
			fail_msg("'%s' was accepted", names[i]);
}

static void test_addresses(void **state)
{
	const struct runtime_paths paths = {"/var/lib/berth", "/run/berth", "/usr/lib/berth"};
	struct instance_spec spec = {
		.id = {.app = "shop", .process = "web", .release = 7, .index = 1}};
	char address[RUNTIME_ADDRESS_MAX];
	(void)state;

	runtime_address(&paths, &spec, address);
	assert_string_equal(address, "unix:/run/berth/apps/shop.7.web.1/app.sock");
	spec.port = 20001;
	runtime_address(&paths, &spec, address);
	assert_string_equal(address, "tcp:127.0.0.1:20001");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_round_trip),
		cmocka_unit_test(test_bad_names_are_refused),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
