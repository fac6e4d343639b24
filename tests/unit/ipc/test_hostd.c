/* SPDX-License-Identifier: Apache-2.0
 *
 * What hostd accepts from its peer: good requests, and one wrong field at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/ipc/hostd.h"

static struct hostd_request start_request(void)
{
	return (struct hostd_request){
		.magic = HOSTD_MAGIC,
		.verb = HOSTD_INSTANCE_START,
		.id = 1,
		.app = "shop",
		.process = "web",
		.listens = 1,
		.release = 7,
		.code_release = 6,
		.index = 1,
		.port = 20000,
		.volume_count = 1,
		.memory_max = 64 << 20,
		.volumes = {"media"},
	};
}

static bool accepts(const struct hostd_request *r)
{
	struct hostd_request copy;
	struct err err = {0};
	return hostd_request_check(r, sizeof *r, &copy, &err) == 0;
}

static void test_good_requests(void **state)
{
	const struct hostd_request good[] = {
		start_request(),
		{.magic = HOSTD_MAGIC, .verb = HOSTD_HELLO, .fresh = 1},
		{.magic = HOSTD_MAGIC, .verb = HOSTD_INSTANCE_LIST},
		{.magic = HOSTD_MAGIC,
			.verb = HOSTD_TASK_RUN,
			.app = "a",
			.release = 1,
			.code_release = 1,
			.task = HOSTD_RELEASE_COMMAND},
		{.magic = HOSTD_MAGIC, .verb = HOSTD_LOGS_OPEN, .app = "a", .lines = 100},
		{.magic = HOSTD_MAGIC, .verb = HOSTD_LOGS_OPEN, .app = "a", .process = "web"},
		{.magic = HOSTD_MAGIC, .verb = HOSTD_APP_REMOVE, .app = "a"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!accepts(&good[i]))
			fail_msg("request %zu was refused", i);
}

/* A good request with one change; `text` names it. */
#define refused(change)                                    \
	do {                                               \
		struct hostd_request r = start_request();  \
		change;                                    \
		if (accepts(&r))                           \
			fail_msg("accepted: %s", #change); \
	} while (0)

static void test_bad_requests(void **state)
{
	(void)state;

	refused(r.magic++);
	refused(r.verb = 0);
	refused(r.verb = HOSTD_APP_REMOVE + 1);
	refused(memset(r.app, 'a', sizeof r.app));
	refused(memcpy(r.app, "../x", 5));
	refused(memcpy(r.app, "a b", 4));
	refused(r.app[0] = '\0');
	refused(memset(r.process, 'a', sizeof r.process));
	refused(memcpy(r.process, "w/b", 4));
	refused(memcpy(r.process, "w\nb", 4));
	refused(r.process[0] = '\0');
	refused(r.release = 0);
	refused(r.release = UINT32_MAX);
	refused(r.code_release = 0);
	refused(r.index = 0);
	refused(r.index = 100000);
	refused(r.port = 80);
	refused(r.port = 65536);
	refused(r.listens = 2);
	refused(r.task = HOSTD_RELEASE_COMMAND);
	refused(r.task = 9);
	refused(r.lines = HOSTD_LINES_MAX + 1);
	refused(r.memory_max = 1);
	refused(r.memory_max = UINT64_MAX);
	refused(r.stop_timeout_ms = UINT64_MAX);
	refused(r.volume_count = HOSTD_VOLUMES_MAX + 1);
	refused(memcpy(r.volumes[0], "..", 3));
	refused(memset(r.volumes[0], 'a', sizeof r.volumes[0]));
}

static void test_sizes(void **state)
{
	char packet[sizeof(struct hostd_request) + 1] = {0};
	const struct hostd_request good = start_request();
	struct hostd_request r;
	(void)state;

	memcpy(packet, &good, sizeof good);
	assert_int_equal(hostd_request_check(packet, sizeof good, &r, NULL), 0);
	assert_true(hostd_request_check(packet, sizeof good - 1, &r, NULL) < 0);
	assert_true(hostd_request_check(packet, sizeof good + 1, &r, NULL) < 0);
	assert_true(hostd_request_check(packet, 0, &r, NULL) < 0);
}

static void test_messages(void **state)
{
	struct hostd_message good = {.magic = HOSTD_MAGIC, .type = HOSTD_INSTANCE}, m, bad;
	(void)state;

	assert_int_equal(hostd_message_check(&good, sizeof good, &m, NULL), 0);
	bad = good;
	bad.state = HOSTD_GONE + 1;
	assert_true(hostd_message_check(&bad, sizeof bad, &m, NULL) < 0);
	bad = good;
	memset(bad.text, 'x', sizeof bad.text);
	assert_true(hostd_message_check(&bad, sizeof bad, &m, NULL) < 0);
	bad = good;
	bad.type = 99;
	assert_true(hostd_message_check(&bad, sizeof bad, &m, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_requests),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
