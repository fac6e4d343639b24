/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads: what is accepted and how it is read, what is refused and with which status.
 */
#include "lib/http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/buf.h"

#define H "Host: a.test\r\n"
#define GET "GET / HTTP/1.1\r\n"

static struct http_head head;

static ssize_t request(struct str text)
{
	const char *why = NULL;
	ssize_t r = http_parse_request(text.p, text.len, &head, &why);
	if (r < 0)
		assert_non_null(why);
	return r;
}

static bool is(struct str a, const char *b)
{
	return str_eq(a, str_from(b));
}

static void test_requests_refused(void **state)
{
	static const struct {
		const char *name;
		struct str text;
		int status;
	} cases[] = {
		{"bare LF", STR("GET / HTTP/1.1\nHost: a.test\n\n"), 400},
		{"bare CR", STR("GET / HTTP/1.1\rHost: a\r\r"), 400},
		{"two spaces", STR("GET  / HTTP/1.1\r\n" H "\r\n"), 400},
		{"tab", STR("GET\t/ HTTP/1.1\r\n" H "\r\n"), 400},
		{"space in target", STR("GET /a b HTTP/1.1\r\n" H "\r\n"), 400},
		{"space behind", STR("GET / HTTP/1.1 \r\n" H "\r\n"), 400},
		{"NUL in target", STR("GET /\0 HTTP/1.1\r\n" H "\r\n"), 400},
		{"fragment", STR("GET /#f HTTP/1.1\r\n" H "\r\n"), 400},
		{"relative", STR("GET a HTTP/1.1\r\n" H "\r\n"), 400},
		{"0.9", STR("GET /\r\n"), 400},
		{"2.0", STR("GET / HTTP/2.0\r\n"), 505},
		{"01.1", STR("GET / HTTP/01.1\r\n"), 400},
		{"lower-case version", STR("GET / http/1.1\r\n"), 400},
		{"CONNECT", STR("CONNECT a:1 HTTP/1.1\r\n" H "\r\n"), 501},
		{"star", STR("GET * HTTP/1.1\r\n" H "\r\n"), 400},
		{"garbage", STR("\x16\x03\x01\x02"), 400},
		{"space before colon", STR(GET "Host : a\r\n\r\n"), 400},
		{"folded", STR(GET H "X: a\r\n b\r\n\r\n"), 400},
		{"folded first", STR(GET " X: a\r\n" H "\r\n"), 400},
		{"no colon", STR(GET H "nothing\r\n\r\n"), 400},
		{"empty name", STR(GET H ": x\r\n\r\n"), 400},
		{"NUL in value", STR(GET H "X: a\0b\r\n\r\n"), 400},
		{"CR in value", STR(GET H "X: a\rb\r\n\r\n"), 400},
		{"no host", STR(GET "\r\n"), 400},
		{"two hosts", STR(GET H H "\r\n"), 400},
		{"host with user", STR(GET "Host: u@a.test\r\n\r\n"), 400},
		{"host list", STR(GET "Host: a.test, b.test\r\n\r\n"), 400},
		{"host port", STR(GET "Host: a.test:99999\r\n\r\n"), 400},
		{"absolute with user", STR("GET http://u@a/ HTTP/1.1\r\n" H "\r\n"), 400},
		{"absolute without host", STR("GET http:///x HTTP/1.1\r\n" H "\r\n"), 400},
		{"other scheme", STR("GET ftp://a.test/ HTTP/1.1\r\n" H "\r\n"), 400},
		{"two lengths", STR(GET H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400},
		{"length list", STR(GET H "Content-Length: 5, 5\r\n\r\n"), 400},
		{"length sign", STR(GET H "Content-Length: +5\r\n\r\n"), 400},
		{"length empty", STR(GET H "Content-Length:\r\n\r\n"), 400},
		{"length 2^63", STR(GET H "Content-Length: 9223372036854775808\r\n\r\n"), 400},
		{"length and coding",
			STR(GET H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
		{"two codings",
			STR(GET H "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"),
			400},
		{"other coding", STR(GET H "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501},
		{"vertical tab", STR(GET H "Transfer-Encoding: \vchunked\r\n\r\n"), 400},
		{"coding in 1.0", STR("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ssize_t r = request(cases[i].text);
		if (r != -cases[i].status)
			fail_msg("%s: %zd instead of %d", cases[i].name, r, -cases[i].status);
	}
}

static void test_request_parts(void **state)
{
	struct str text = STR("\r\nPOST /a/b?c=d HTTP/1.1\r\nhOST: a.test:8443\r\n"
			      "X-Empty:\r\nX-B: \t v w\t \r\nContent-Length: 012\r\n"
			      "Expect: 100-Continue\r\n\r\nbody");
	(void)state;
	assert_int_equal(request(text), text.len - 4);
	assert_true(is(head.method, "POST"));
	assert_true(is(head.target, "/a/b?c=d"));
	assert_true(is(head.path, "/a/b"));
	assert_true(is(head.query, "c=d"));
	assert_true(is(head.host, "a.test:8443"));
	assert_int_equal(head.minor, 1);
	assert_int_equal(head.field_count, 5);
	assert_true(is(http_find(&head, "x-empty")->value, ""));
	assert_true(is(http_find(&head, "X-B")->value, "v w"));
	assert_null(http_find(&head, "X"));
	assert_int_equal(head.framing, HTTP_BODY_LENGTH);
	assert_int_equal(head.content_length, 12);
	assert_true(head.keep_alive);
	assert_true(head.expect_continue);
	assert_false(head.upgrade);
}

static void test_targets(void **state)
{
	static const struct {
		struct str text;
		const char *host, *path, *query;
	} cases[] = {
		{STR("GET http://B.test:1/x?y HTTP/1.1\r\n" H "\r\n"), "B.test:1", "/x", "y"},
		{STR("GET HTTPS://b.test?y HTTP/1.1\r\n" H "\r\n"), "b.test", "/", "y"},
		{STR("GET http://[::1]:8080 HTTP/1.1\r\n" H "\r\n"), "[::1]:8080", "/", ""},
		{STR("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "a.test", "*", ""},
		{STR("GET //x//?? HTTP/1.1\r\n" H "\r\n"), "a.test", "//x//", "?"},
		{STR("GET / HTTP/1.0\r\n\r\n"), "", "/", ""},
		{STR("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "", "/", ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(request(cases[i].text), cases[i].text.len);
		assert_true(is(head.host, cases[i].host));
		assert_true(is(head.path, cases[i].path));
		assert_true(is(head.query, cases[i].query));
	}
}

static void test_connection(void **state)
{
	static const struct {
		struct str text;
		bool keep_alive, upgrade;
	} cases[] = {
		{STR(GET H "\r\n"), true, false},
		{STR(GET H "Connection: x, Close\r\n\r\n"), false, false},
		{STR("GET / HTTP/1.0\r\n\r\n"), false, false},
		{STR("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true, false},
		{STR(GET H "Connection: Upgrade\r\n\r\n"), true, false},
		{STR(GET H "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"), true,
			true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(request(cases[i].text) > 0);
		assert_int_equal(head.keep_alive, cases[i].keep_alive);
		assert_int_equal(head.upgrade, cases[i].upgrade);
	}
}

/* A head is the same head however its bytes arrive. */
static void test_every_prefix_is_incomplete(void **state)
{
	struct str text = STR("GET /x HTTP/1.1\r\nHost: a.test\r\nA: b\r\n\r\n");
	(void)state;
	for (size_t n = 1; n < text.len; n++)
		assert_int_equal(request((struct str){text.p, n}), 0);
	assert_int_equal(request(text), text.len);
}

static void test_limits(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
	(void)state;

	assert_int_equal(buf_puts(&b, "GET /"), 0);
	for (size_t i = 0; i < HTTP_TARGET_BYTES_MAX - 1; i++)
		assert_int_equal(buf_puts(&b, "a"), 0);
	assert_int_equal(buf_puts(&b, " HTTP/1.1\r\n" H "\r\n"), 0);
	assert_int_equal(request((struct str){buf_data(&b), buf_len(&b)}), buf_len(&b));

	buf_clear(&b);
	assert_int_equal(buf_puts(&b, "GET /"), 0);
	for (size_t i = 0; i < HTTP_TARGET_BYTES_MAX; i++)
		assert_int_equal(buf_puts(&b, "a"), 0);
	size_t partial = buf_len(&b);
	assert_int_equal(buf_puts(&b, " HTTP/1.1\r\n" H "\r\n"), 0);
	assert_int_equal(request((struct str){buf_data(&b), buf_len(&b)}), -414);
	while (buf_len(&b) < 2 * partial)
		assert_int_equal(buf_puts(&b, "a"), 0);

	buf_clear(&b);
	assert_int_equal(buf_puts(&b, GET H), 0);
	for (int i = 0; i < HTTP_FIELDS_MAX - 1; i++)
		assert_int_equal(buf_printf(&b, "X-%d: a\r\n", i), 0);
	size_t before_end = buf_len(&b);
	assert_int_equal(buf_puts(&b, "\r\n"), 0);
	assert_int_equal(request((struct str){buf_data(&b), buf_len(&b)}), buf_len(&b));
	b.end = b.start + before_end;
	assert_int_equal(buf_puts(&b, "Y: a\r\n\r\n"), 0);
	assert_int_equal(request((struct str){buf_data(&b), buf_len(&b)}), -431);

	buf_clear(&b);
	assert_int_equal(buf_puts(&b, GET H "X: "), 0);
	while (buf_len(&b) < HTTP_HEAD_BYTES_MAX - 1)
		assert_int_equal(buf_puts(&b, "a"), 0);
	assert_int_equal(request((struct str){buf_data(&b), buf_len(&b)}), 0);
	assert_int_equal(buf_puts(&b, "a"), 0);
	assert_int_equal(request((struct str){buf_data(&b), buf_len(&b)}), -431);
}

static void test_responses(void **state)
{
	static const struct {
		const char *name;
		struct str text;
		const char *method;
		int result; /* 0: whole; else the negative status */
		unsigned status;
		enum http_framing framing;
	} cases[] = {
		{"length", STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), "GET", 0, 200,
			HTTP_BODY_LENGTH},
		{"chunked", STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"), "GET", 0,
			200, HTTP_BODY_CHUNKED},
		{"until close", STR("HTTP/1.0 200\r\n\r\n"), "GET", 0, 200, HTTP_BODY_UNTIL_CLOSE},
		{"HEAD", STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), "HEAD", 0, 200,
			HTTP_BODY_NONE},
		{"204", STR("HTTP/1.1 204 No\r\n\r\n"), "GET", 0, 204, HTTP_BODY_NONE},
		{"304", STR("HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n"), "GET", 0, 304,
			HTTP_BODY_NONE},
		{"interim", STR("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), "GET", 0, 103,
			HTTP_BODY_NONE},
		{"not HTTP", STR("SSH-2.0-x\r\n"), "GET", -502, 0, 0},
		{"1-digit status", STR("HTTP/1.1 2 OK\r\n\r\n"), "GET", -502, 0, 0},
		{"status 600", STR("HTTP/1.1 600 OK\r\n\r\n"), "GET", -502, 0, 0},
		{"HTTP/2", STR("HTTP/2.0 200 OK\r\n\r\n"), "GET", -502, 0, 0},
		{"bare LF", STR("HTTP/1.1 200 OK\nA: b\n\n"), "GET", -502, 0, 0},
		{"both framings",
			STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
			"GET", -502, 0, 0},
		{"two lengths",
			STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"),
			"GET", -502, 0, 0},
		{"other coding", STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), "GET",
			-502, 0, 0},
	};
	const char *why;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ssize_t r = http_parse_response(
			cases[i].text.p, cases[i].text.len, str_from(cases[i].method), &head, &why);
		ssize_t want = cases[i].result ? cases[i].result : (ssize_t)cases[i].text.len;
		if (r != want)
			fail_msg("%s: %zd instead of %zd", cases[i].name, r, want);
		if (r > 0) {
			assert_int_equal(head.status, cases[i].status);
			assert_int_equal(head.framing, cases[i].framing);
		}
	}
}

static void test_tokens(void **state)
{
	(void)state;
	assert_true(request(STR(GET H "Via: a\r\nTE: trailers, gzip\r\nTE: deflate\r\n\r\n")) > 0);
	assert_true(http_has_token(&head, "te", "GZIP"));
	assert_true(http_has_token(&head, "te", "deflate"));
	assert_false(http_has_token(&head, "te", "gz"));
}

static void test_authorities(void **state)
{
	static const struct {
		const char *text, *name, *port; /* name NULL: refused */
	} cases[] = {
		{"a.test", "a.test", ""},
		{"a.test:80", "a.test", "80"},
		{"a.test:", "a.test", ""},
		{"[::1]:80", "[::1]", "80"},
		{"127.0.0.1", "127.0.0.1", ""},
		{"", NULL, NULL},
		{":80", NULL, NULL},
		{"[::1", NULL, NULL},
		{"[]", NULL, NULL},
		{"[x]", NULL, NULL},
		{"a b", NULL, NULL},
		{"a:8x", NULL, NULL},
		{"a:1:2", NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str name, port;
		bool ok = http_authority_split(str_from(cases[i].text), &name, &port);
		assert_int_equal(ok, cases[i].name != NULL);
		if (ok) {
			assert_true(is(name, cases[i].name));
			assert_true(is(port, cases[i].port));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_refused),
		cmocka_unit_test(test_request_parts),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_connection),
		cmocka_unit_test(test_every_prefix_is_incomplete),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_authorities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
