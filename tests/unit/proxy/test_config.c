/* SPDX-License-Identifier: Apache-2.0
 *
 * The proxy's configuration: defaults, and errors that name the key.
 */
#include "proxy/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/sys/file.h"

static char path[] = "/tmp/berth-test-config-XXXXXX";

static int load(const char *text, struct config *c, struct err *err)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
	return config_load(path, c, err);
}

static void test_defaults(void **state)
{
	struct config c;
	struct err err = {0};
	(void)state;
	assert_int_equal(
		load("{\"http\":[\"127.0.0.1:8080\",\"[::]:80\"],\"routes\":\"/r\"}", &c, &err), 0);
	assert_int_equal(c.http.count, 2);
	assert_string_equal(c.http.at[1].address, "::");
	assert_int_equal(c.http.at[1].port, 80);
	assert_int_equal(c.https.count, 0);
	assert_in_range(c.workers, 1, 4);
	assert_int_equal(c.https_port, 443);
	assert_int_equal(c.timeouts.header, 10000);
	assert_int_equal(c.timeouts.upstream, 60000);
	assert_null(c.control);
	config_release(&c);
}

static void test_values(void **state)
{
	struct config c;
	(void)state;
	assert_int_equal(load("{\"routes\":\"/r\",\"control\":\"/c\",\"workers\":3,"
			      "\"https_port\":8443,\"timeouts\":{\"idle\":7}}",
				 &c, NULL),
		0);
	assert_int_equal(c.workers, 3);
	assert_int_equal(c.https_port, 8443);
	assert_int_equal(c.timeouts.idle, 7);
	assert_string_equal(c.control, "/c");
	config_release(&c);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"{", ":1: "},
		{"[]", "must be a JSON object"},
		{"{}", "routes is missing"},
		{"{\"routes\":\"r\"}", "routes must be an absolute path"},
		{"{\"routes\":\"/r\",\"worker\":1}", "'worker'; did you mean 'workers'?"},
		{"{\"routes\":\"/r\",\"workers\":0}",
			"workers must be a whole number from 1 to 64"},
		{"{\"routes\":\"/r\",\"workers\":\"2\"}", "workers must be"},
		{"{\"routes\":\"/r\",\"http\":\"x\"}", "http must be an array"},
		{"{\"routes\":\"/r\",\"http\":[\"localhost:80\"]}", "http[0] must be like"},
		{"{\"routes\":\"/r\",\"https\":[\"1.2.3.4\"]}", "https[0] must be like"},
		{"{\"routes\":\"/r\",\"timeouts\":{\"idel\":1}}",
			"'timeouts.idel'; did you mean 'idle'?"},
		{"{\"routes\":\"/r\",\"timeouts\":{\"idle\":-1}}", "timeouts: idle must be"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config c;
		struct err err = {0};
		if (load(cases[i].text, &c, &err) == 0 || !strstr(err.msg, cases[i].words))
			fail_msg("%s: '%s' lacks '%s'", cases[i].text, err.msg, cases[i].words);
	}
}

static int set_up(void **state)
{
	int fd = mkstemp(path);
	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
