/* SPDX-License-Identifier: Apache-2.0
 *
 * Field policy: the exact bytes an app gets, and what a client gets back.
 */
#include "proxy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define OURS                                                         \
	"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n" \
	"X-Forwarded-Host: a.test\r\nX-Real-IP: 192.0.2.1\r\n"       \
	"Forwarded: for=192.0.2.1;proto=https;host=\"a.test\"\r\n"
#define START "GET / HTTP/1.1\r\nHost: a.test\r\n"

static struct http_head head;

static void parse(const char *text)
{
	const char *why;
	assert_int_equal(http_parse_request(text, strlen(text), &head, &why), strlen(text));
}

static void expect(const char *request, bool upgrade, const char *wanted)
{
	const struct policy_client client = {"192.0.2.1", true};
	_cleanup_buf_ struct buf b = BUF_INIT(65536);

	parse(request);
	assert_int_equal(policy_write_request(&b, &head, &client, upgrade), 0);
	assert_string_equal(buf_cstr(&b), wanted);
}

static void test_requests(void **state)
{
	static const struct {
		const char *request, *wanted;
	} cases[] = {
		{START "Accept: */*\r\naccept: x\r\nCookie: a=b\r\n\r\n",
			START "Accept: */*\r\naccept: x\r\nCookie: a=b\r\n" OURS "\r\n"},
		/* What the client says about itself is replaced, in every spelling. */
		{START "X-Forwarded-For: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nX-REAL-IP: 6.6.6.6\r\n"
		       "X_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Proto: http\r\n"
		       "X-Forwarded-Port: 1\r\nX-Forwarded-Host: evil\r\n\r\n",
			START OURS "\r\n"},
		/* Hop by hop, and what Connection names. */
		{START "Connection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 1\r\n"
		       "TE: trailers\r\nTrailer: x\r\nProxy-Connection: x\r\nProxy: x\r\n"
		       "Proxy-Authorization: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
			START OURS "\r\n"},
		/* What Connection cannot take away. */
		{START "Connection: Cookie, Authorization, Host, X-Forwarded-For\r\nCookie: a\r\n"
		       "Authorization: b\r\n\r\n",
			START "Cookie: a\r\nAuthorization: b\r\n" OURS "\r\n"},
		{"GET http://a.test/x?y HTTP/1.1\r\nHost: b.test\r\n\r\n",
			"GET /x?y HTTP/1.1\r\nHost: a.test\r\n" OURS "\r\n"},
		{"GET http://a.test?y HTTP/1.1\r\nHost: b.test\r\n\r\n",
			"GET /?y HTTP/1.1\r\nHost: a.test\r\n" OURS "\r\n"},
		{"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 007\r\nContent_Length: 1\r\n"
		 "Expect: 100-continue\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 7\r\n" OURS "\r\n"},
		{"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: Chunked\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n" OURS
			"\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i].request, false, cases[i].wanted);
}

static void test_upgrades(void **state)
{
	static const struct {
		const char *request;
		bool allowed;
	} cases[] = {
		{START "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", true},
		{START "Upgrade: websocket\r\n\r\n", false},
		{START "Connection: Upgrade\r\n\r\n", false},
		{START "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", false},
		{START "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n", false},
		{"POST / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
			false},
		{START "Content-Length: 1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		parse(cases[i].request);
		assert_int_equal(policy_allows_upgrade(&head), cases[i].allowed);
	}
	expect(cases[0].request, true,
		START OURS "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

static void test_replayable(void **state)
{
	static const struct {
		const char *request;
		bool replayable;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", true},
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", false},
		{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"PATCH / HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"get / HTTP/1.1\r\nHost: a\r\n\r\n", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		parse(cases[i].request);
		assert_int_equal(policy_is_replayable(&head), cases[i].replayable);
	}
}

static void test_ipv6_client(void **state)
{
	const struct policy_client client = {"2001:db8::1", false};
	_cleanup_buf_ struct buf b = BUF_INIT(65536);
	(void)state;
	parse(START "\r\n");
	assert_int_equal(policy_write_request(&b, &head, &client, false), 0);
	assert_non_null(strstr(buf_cstr(&b),
		"\r\nForwarded: for=\"[2001:db8::1]\";proto=http;host=\"a.test\"\r\n"));
}

static void test_responses(void **state)
{
	static const char text[] =
		"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Priv\r\nX-Priv: 1\r\nKeep-Alive: 1\r\n"
		"Set-Cookie: a\r\nSet-Cookie: b\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n"
		"Trailer: x\r\nServer: s\r\n\r\n";
	const char *why;
	(void)state;
	assert_true(http_parse_response(text, strlen(text), STR("GET"), &head, &why) > 0);
	policy_filter_response(&head, false);
	assert_int_equal(head.field_count, 3);
	assert_true(str_eq(head.fields[1].value, STR("b")));
	assert_true(str_eq(head.fields[2].name, STR("Server")));

	assert_true(http_parse_response(text, strlen(text), STR("GET"), &head, &why) > 0);
	policy_filter_response(&head, true);
	assert_int_equal(head.field_count, 5);
	assert_non_null(http_find(&head, "upgrade"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_upgrades),
		cmocka_unit_test(test_replayable),
		cmocka_unit_test(test_ipv6_client),
		cmocka_unit_test(test_responses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
