/* SPDX-License-Identifier: Apache-2.0
 *
 * Health checks against a server that answers as each case says, on a UNIX socket and on TCP.
 */
#include <arpa/inet.h>
#include <ev.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "agent/deploy/health.h"
#include "agent/deploy/ports.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/sys/sock.h"

static struct ev_loop *loop;

/* A server that says `answers` in turn, the last one again and again. */
struct server {
	ev_io accepting, reading;
	ev_timer later;
	const char *const *answers;
	size_t count, at;
	int client;
	bool keeps_open;
	char request[2048];
};

static struct server server;

static void hang_up(void)
{
	if (server.client < 0)
		return;
	ev_io_stop(loop, &server.reading);
	(void)close(server.client);
	server.client = -1;
}

static void on_request(struct ev_loop *l, ev_io *io, int events)
{
	(void)l;
	(void)io;
	(void)events;
	ssize_t n = read(server.client, server.request, sizeof server.request - 1);
	if (n <= 0) {
		hang_up();
		return;
	}
	server.request[n] = '\0';
	const char *answer = server.answers[server.at];
	if (server.at + 1 < server.count)
		server.at++;
	(void)!write(server.client, answer, strlen(answer));
	if (!server.keeps_open)
		hang_up();
}

static void on_client(struct ev_loop *l, ev_io *io, int events)
{
	(void)l;
	(void)events;
	hang_up();
	server.client = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (server.client < 0)
		return;
	ev_io_set(&server.reading, server.client, EV_READ);
	ev_io_start(loop, &server.reading);
}

static void serve(int fd, const char *const *answers, size_t count)
{
	server = (struct server){.answers = answers, .count = count, .client = -1};
	ev_init(&server.reading, on_request);
	ev_io_init(&server.accepting, on_client, fd, EV_READ);
	ev_io_start(loop, &server.accepting);
}

static void close_server(void)
{
	hang_up();
	ev_io_stop(loop, &server.accepting);
	(void)close(server.accepting.fd);
}

struct verdict {
	bool is_there, healthy;
	char words[256];
};

static void on_result(void *data, bool healthy, const char *words)
{
	struct verdict *v = data;
	assert_false(v->is_there);
	v->is_there = true;
	v->healthy = healthy;
	(void)snprintf(v->words, sizeof v->words, "%s", words);
	ev_break(loop, EVBREAK_ALL);
}

static struct verdict check(const struct health_config *config)
{
	struct verdict v = {0};
	struct health_check *c = health_check_start(loop, config, on_result, &v);
	assert_false(v.is_there);
	ev_run(loop, 0);
	assert_true(v.is_there);
	health_check_free(c);
	return v;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BUSY "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
#define MISSING "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
#define MOVED "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"

static const struct {
	const char *what;
	const char *answers[4];
	const char *path;
	unsigned status;
	bool keeps_open, healthy;
	const char *words;
} cases[] = {
	{"200", {OK}, NULL, 0, false, true, NULL},
	{"404 is an answer", {MISSING}, NULL, 0, false, true, NULL},
	{"404 on the path that was named", {MISSING}, "/up", 0, false, false,
		"it answered 404 to GET /up"},
	{"a redirect on that path", {MOVED}, "/up", 0, false, true, NULL},
	{"another status than the one wanted", {OK}, "/up", 204, false, false,
		"it answered 200 to GET /up"},
	{"the status that is wanted", {"HTTP/1.1 204 x\r\n\r\n"}, "/up", 204, true, true, NULL},
	{"503, then 200", {BUSY, BUSY, OK}, NULL, 0, false, true, NULL},
	{"503 for ever", {BUSY}, NULL, 0, false, false, "it answered 503 to GET /"},
	{"not HTTP", {"hello\r\n\r\n"}, NULL, 0, false, false, "is not HTTP"},
	{"nothing at all", {""}, NULL, 0, false, false, "without an answer"},
	{"interim answers first",
		{"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK}, NULL, 0,
		false, true, NULL},
	{"a body that does not end", {"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n"}, NULL, 0, true, true,
		NULL},
	{"a body that was cut", {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"}, NULL, 0, false,
		true, NULL},
	{"half a head, silence", {"HTTP/1.1 200 OK\r\nContent-"}, NULL, 0, true, false,
		"did not answer GET / in time"},
};

static void test_answers(void **state)
{
	(void)state;
	char path[] = "/tmp/berth-health-XXXXXX";
	assert_non_null(mkdtemp(path));
	_cleanup_free_ char *socket_path = xasprintf("%s/app.sock", path);
	_cleanup_free_ char *address = xasprintf("unix:%s", socket_path);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t count = 1;
		while (count < 4 && cases[i].answers[count])
			count++;
		struct err err;
		int fd = sock_listen_unix(socket_path, SOCK_STREAM, 0600, &err);
		assert_true(fd >= 0);
		serve(fd, cases[i].answers, count);
		server.keeps_open = cases[i].keeps_open;
		const struct health_config config = {.address = address,
			.host = "shop.example.com",
			.path = cases[i].path,
			.status = cases[i].status,
			.timeout_ms = cases[i].healthy ? 5000 : 150};
		struct verdict v = check(&config);
		close_server();
		if (v.healthy != cases[i].healthy ||
			(cases[i].words && !strstr(v.words, cases[i].words)))
			fail_msg("%s: healthy %d, \"%s\"", cases[i].what, v.healthy, v.words);
	}
	(void)unlink(socket_path);
	(void)rmdir(path);
}

static void test_the_request_looks_like_a_visitors(void **state)
{
	(void)state;
	static const char *const answers[] = {OK};
	struct err err;
	struct sockaddr_in at = {0};
	socklen_t size = sizeof at;
	int fd = sock_listen_tcp("127.0.0.1", 0, false, &err);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	unsigned port = ntohs(at.sin_port);
	_cleanup_free_ char *address = xasprintf("tcp:127.0.0.1:%u", port);
	serve(fd, answers, 1);
	const struct health_config config = {
		.address = address, .host = "shop.example.com", .path = "/up", .timeout_ms = 5000};
	assert_true(check(&config).healthy);
	assert_ptr_equal(strstr(server.request, "GET /up HTTP/1.1\r\nHost: shop.example.com\r\n"),
		server.request);
	assert_non_null(strstr(server.request, "X-Forwarded-Proto: https\r\n"));
	assert_non_null(strstr(server.request, "User-Agent: berth-health\r\n"));
	assert_false(port_is_free(port));
	close_server();
	assert_true(port_is_free(port));
}

static void test_nobody_listens(void **state)
{
	(void)state;
	const struct health_config config = {.address = "unix:/tmp/berth-no-such.sock",
		.host = "x.localhost",
		.timeout_ms = 120};
	int64_t before = clock_monotonic_ms();
	struct verdict v = check(&config);
	assert_false(v.healthy);
	assert_string_equal(v.words, "nothing listens on /tmp/berth-no-such.sock");
	assert_true(clock_monotonic_ms() - before >= 119);
}

/* The second tries go on when an app comes up late. */
static void on_late(struct ev_loop *l, ev_timer *timer, int events)
{
	static const char *const answers[] = {OK};
	struct err err;
	(void)l;
	(void)timer;
	(void)events;
	int fd = sock_listen_unix("/tmp/berth-late.sock", SOCK_STREAM, 0600, &err);
	assert_true(fd >= 0);
	serve(fd, answers, 1);
}

static void test_an_app_that_comes_up_late(void **state)
{
	(void)state;
	ev_timer late;
	(void)unlink("/tmp/berth-late.sock");
	ev_timer_init(&late, on_late, 0.15, 0.);
	ev_timer_start(loop, &late);
	const struct health_config config = {
		.address = "unix:/tmp/berth-late.sock", .host = "x.localhost", .timeout_ms = 5000};
	assert_true(check(&config).healthy);
	close_server();
	(void)unlink("/tmp/berth-late.sock");
}

static bool is_even(void *data, unsigned port)
{
	(void)data;
	return port % 2 == 0;
}

static bool is_any(void *data, unsigned port)
{
	(void)data;
	(void)port;
	return true;
}

static void test_ports(void **state)
{
	(void)state;
	struct ports p;
	struct err err = {0};
	unsigned first = 0, second = 0;
	ports_init(&p, 29200, 29299);
	assert_int_equal(ports_pick(&p, is_even, NULL, &first, &err), 0);
	assert_int_equal(ports_pick(&p, is_even, NULL, &second, &err), 0);
	assert_true(first % 2 == 1 && second % 2 == 1 && first != second);
	assert_true(first >= 29200 && first <= 29299);
	assert_true(ports_pick(&p, is_any, NULL, &first, &err) < 0);
	assert_non_null(strstr(err.msg, "29200 to 29299"));
}

static int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	loop = ev_loop_new(EVFLAG_AUTO);
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ev_loop_destroy(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_the_request_looks_like_a_visitors),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_an_app_that_comes_up_late),
		cmocka_unit_test(test_ports),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
