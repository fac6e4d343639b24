/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/git/commands.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/git/pkt.h"

#define ZERO "0000000000000000000000000000000000000000"
#define ONE "1111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222"

static struct commands c;

static int feed(struct buf *b)
{
	size_t used = 0;
	struct err err = {0};

	commands_init(&c);
	int r = commands_feed(&c, (struct str){buf_data(b), buf_len(b)}, &used, &err);
	if (r < 0)
		assert_true(err.msg[0] != '\0');
	buf_consume(b, used);
	return r;
}

static void add(struct buf *b, struct str line)
{
	assert_int_equal(pkt_write(b, line.p, line.len), 0);
}

static void test_a_push(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);

	(void)state;
	add(&b, STR("shallow " TWO "\n"));
	add(&b, STR(ZERO " " ONE " refs/heads/main\0 report-status side-band-64k agent=git/2\n"));
	add(&b, STR(ONE " " TWO " refs/tags/v1"));
	assert_int_equal(pkt_flush(&b), 0);
	assert_int_equal(buf_puts(&b, "PACK"), 0);
	assert_int_equal(feed(&b), 0);
	assert_true(c.is_done && c.has_report_status && c.has_side_band);
	assert_int_equal(c.count, 2);
	assert_int_equal(c.shallow_count, 1);
	assert_string_equal(c.shallow[0], TWO);
	assert_string_equal(c.list[0].ref, "refs/heads/main");
	assert_string_equal(c.list[0].new_id, ONE);
	assert_int_equal(c.list[0].kind, NAME_REF_BRANCH);
	assert_int_equal(c.list[1].kind, NAME_REF_TAG);
	assert_string_equal(buf_cstr(&b), "PACK");
	commands_check(&c);
	assert_string_equal(c.list[0].problem, "");
	assert_true(commands_expect_pack(&c));
}

/* However the bytes are cut into reads, the result is the same. */
static void test_every_cut(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);

	(void)state;
	add(&b, STR(ZERO " " ONE " refs/heads/main\0report-status"));
	assert_int_equal(pkt_flush(&b), 0);
	for (size_t cut = 0; cut <= buf_len(&b); cut++) {
		size_t first = 0, second = 0;
		commands_init(&c);
		assert_int_equal(
			commands_feed(&c, (struct str){buf_data(&b), cut}, &first, NULL), 0);
		assert_int_equal(
			commands_feed(&c, (struct str){buf_data(&b) + first, buf_len(&b) - first},
				&second, NULL),
			0);
		assert_true(c.is_done && c.count == 1 && first + second == buf_len(&b));
	}
}

static void test_bad_lines(void **state)
{
	static const struct str cases[] = {
		STR(""),
		STR("x"),
		STR(ZERO),
		STR(ZERO " " ONE),
		STR(ZERO " " ONE " "),
		STR(ZERO "  " ONE " refs/heads/a"),
		STR(ZERO ONE " refs/heads/a"),
		STR("000000000000000000000000000000000000000A " ONE " refs/heads/a"),
		STR(ZERO " 111 refs/heads/a"),
		STR(ZERO " " ONE " refs/heads/a\nb"),
		STR(ZERO " " ONE " refs/heads/a\0object-format=sha256"),
		STR("push-cert\0report-status"),
		STR("shallow "),
		STR("shallow " ONE "x"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT(4096);
		add(&b, cases[i]);
		if (feed(&b) != -EBADMSG)
			fail_msg("case %zu", i);
	}
}

static void test_limits(void **state)
{
	char long_ref[NAME_REF_MAX + 2];

	(void)state;
	for (size_t n = COMMANDS_MAX; n <= COMMANDS_MAX + 1; n++) {
		_cleanup_buf_ struct buf b = BUF_INIT(65536);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(pkt_printf(&b, ZERO " " ONE " refs/tags/%zu", i), 0);
		assert_int_equal(feed(&b), n > COMMANDS_MAX ? -EBADMSG : 0);
	}
	for (size_t n = COMMANDS_SHALLOW_MAX; n <= COMMANDS_SHALLOW_MAX + 1; n++) {
		_cleanup_buf_ struct buf b = BUF_INIT(65536);
		for (size_t i = 0; i < n; i++)
			add(&b, STR("shallow " ONE));
		assert_int_equal(feed(&b), n > COMMANDS_SHALLOW_MAX ? -EBADMSG : 0);
	}
	for (size_t n = NAME_REF_MAX; n <= NAME_REF_MAX + 1; n++) {
		_cleanup_buf_ struct buf b = BUF_INIT(4096);
		memset(long_ref, 'x', n);
		long_ref[n] = '\0';
		assert_int_equal(pkt_printf(&b, ZERO " " ONE " %s", long_ref), 0);
		assert_int_equal(feed(&b), n > NAME_REF_MAX ? -EBADMSG : 0);
	}
}

static void test_checks(void **state)
{
	static const struct {
		const char *line;
		bool is_good;
	} cases[] = {
		{ZERO " " ONE " refs/heads/a", true},
		{ZERO " " ONE " refs/heads/b", false}, /* the second branch */
		{ZERO " " ONE " refs/tags/t", true},
		{ZERO " " TWO " refs/tags/t", false}, /* twice */
		{ONE " " ZERO " refs/tags/u", false}, /* a delete */
		{ZERO " " ONE " refs/berth/push/" ONE, true},
		{ZERO " " ONE " refs/berth/push/" TWO, false},
		{ZERO " " ONE " refs/berth/releases/1", false},
		{ZERO " " ONE " refs/other", false},
	};
	_cleanup_buf_ struct buf b = BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		add(&b, str_from(cases[i].line));
	assert_int_equal(pkt_flush(&b), 0);
	assert_int_equal(feed(&b), 0);
	commands_check(&c);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if ((c.list[i].problem[0] == '\0') != cases[i].is_good)
			fail_msg("%s: %s", cases[i].line, c.list[i].problem);
	commands_refuse_all(&c, "no");
	assert_string_equal(c.list[0].problem, "no");
	assert_string_not_equal(c.list[1].problem, "no");
}

static void test_only_deletes_bring_no_pack(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);

	(void)state;
	add(&b, STR(ONE " " ZERO " refs/heads/a"));
	assert_int_equal(pkt_flush(&b), 0);
	assert_int_equal(feed(&b), 0);
	assert_false(commands_expect_pack(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_push),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_only_deletes_bring_no_pack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
