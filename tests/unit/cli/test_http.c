/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client against a server of canned answers on a real UNIX socket.
 */
#include "cli/http.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/sys/sock.h"

/* Accepts connections and answers every request on them with the next canned answer. A request is
 * read up to `body_end`; NULL means that it has no body. */
struct server {
	char path[64];
	int listen_fd;
	pthread_t thread;
	const char *const *answers;
	const char *body_end;
	struct buf seen; /* everything received */
	unsigned connections;
};

static bool is_complete(const struct server *s, struct buf *request)
{
	const char *text = buf_cstr(request);
	if (!text)
		return true;
	const char *head_end = strstr(text, "\r\n\r\n");
	return head_end && (!s->body_end || strstr(head_end, s->body_end));
}

static bool read_request(struct server *s, int fd)
{
	_cleanup_buf_ struct buf request = BUF_INIT(4u << 20);
	while (!is_complete(s, &request)) {
		char part[4096];
		ssize_t n = read(fd, part, sizeof part);
		if (n <= 0)
			return false;
		assert_int_equal(buf_append(&request, part, (size_t)n), 0);
	}
	assert_int_equal(buf_append(&s->seen, buf_data(&request), buf_len(&request)), 0);
	return true;
}

static void *serve(void *data)
{
	struct server *s = data;
	const char *const *answer = s->answers;
	while (*answer) {
		int fd = accept(s->listen_fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		s->connections++;
		while (*answer && read_request(s, fd)) {
			const char *a = *answer++;
			assert_int_equal(write(fd, a, strlen(a)), strlen(a));
			if (strstr(a, "Connection: close"))
				break;
		}
		(void)close(fd);
	}
	return NULL;
}

static void server_start(struct server *s, const char *const *answers, const char *body_end)
{
	struct err err = {0};
	*s = (struct server){.answers = answers, .body_end = body_end, .seen = BUF_INIT(8u << 20)};
	char dir[] = "/tmp/berth-http-XXXXXX";
	assert_non_null(mkdtemp(dir));
	(void)snprintf(s->path, sizeof s->path, "%s/s", dir);
	/* Blocking here: this server has a thread of its own. */
	s->listen_fd = sock_listen_unix(s->path, SOCK_STREAM, 0600, &err);
	assert_true(s->listen_fd >= 0);
	int flags = fcntl(s->listen_fd, F_GETFL);
	assert_int_equal(fcntl(s->listen_fd, F_SETFL, flags & ~O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	(void)close(s->listen_fd);
	(void)unlink(s->path);
	*strrchr(s->path, '/') = 0;
	(void)rmdir(s->path);
	buf_free(&s->seen);
}

static struct http_client *client_of(const struct server *s)
{
	struct err err = {0};
	struct http_client *c = NULL;
	struct http_target t = {.unix_path = s->path, .token = "secret"};
	assert_int_equal(http_client_new(&t, &c, &err), 0);
	return c;
}

static void test_one_connection_serves_many_requests(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
		"Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n\r\n{}",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nwhat?",
		"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
		NULL,
	};
	struct server s;
	server_start(&s, answers, NULL);
	struct http_client *c = client_of(&s);
	static const unsigned statuses[] = {200, 404, 204};
	static const char *const bodies[] = {"{}", "what?", ""};
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct err err = {0};
		struct http_response r;
		struct http_header h = {"X-Try", "1"};
		struct http_request q = {
			.method = "GET", .path = "/v1/apps", .headers = &h, .header_count = 1};
		assert_int_equal(http_perform(c, &q, &r, &err), 0);
		assert_int_equal(r.status, statuses[i]);
		assert_int_equal(buf_len(&r.body), strlen(bodies[i]));
		assert_memory_equal(buf_data(&r.body), bodies[i], strlen(bodies[i]));
		if (i == 0) {
			assert_string_equal(r.content_type, "application/json");
			assert_int_equal(r.date_ms, 784887151000);
		}
		http_response_free(&r);
	}
	http_client_free(c);
	assert_int_equal(s.connections, 1);
	assert_non_null(strstr(buf_cstr(&s.seen), "Authorization: Bearer secret\r\n"));
	assert_non_null(strstr(buf_cstr(&s.seen), "X-Try: 1\r\n"));
	server_stop(&s);
}

static ssize_t on_body_wanted(void *data, char *to, size_t size)
{
	const char **rest = data;
	must(size > 3);
	size_t n = strlen(*rest) < 3 ? strlen(*rest) : 3;
	memcpy(to, *rest, n);
	*rest += n;
	return (ssize_t)n;
}

static void test_a_body_comes_from_its_source(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", NULL};
	struct server s;
	server_start(&s, answers, "\r\n0\r\n\r\n");
	struct http_client *c = client_of(&s);
	const char *rest = "abcdefgh";
	struct http_request q = {
		.method = "POST", .path = "/x", .on_body_wanted = on_body_wanted, .data = &rest};
	struct err err = {0};
	struct http_response r;
	assert_int_equal(http_perform(c, &q, &r, &err), 0);
	assert_int_equal(r.status, 201);
	assert_non_null(strstr(buf_cstr(&s.seen), "\r\n3\r\nabc\r\n3\r\ndef\r\n2\r\ngh\r\n0\r\n"));
	http_response_free(&r);
	http_client_free(c);
	server_stop(&s);
}

static int on_body_refuse(void *data, const char *p, size_t n)
{
	(void)p;
	*(size_t *)data += n;
	return -ECANCELED;
}

static void test_a_sink_may_end_the_request(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
		"4\r\nline\r\n0\r\n\r\n",
		NULL};
	struct server s;
	server_start(&s, answers, NULL);
	struct http_client *c = client_of(&s);
	size_t got = 0;
	struct http_request q = {
		.method = "GET", .path = "/", .on_body = on_body_refuse, .data = &got};
	struct err err = {0};
	struct http_response r;
	assert_int_equal(http_perform(c, &q, &r, &err), -ECANCELED);
	assert_int_equal(got, 4);
	http_response_free(&r);
	http_client_free(c);
	server_stop(&s);
}

static void test_a_broken_answer_is_a_lost_connection(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc", NULL};
	struct server s;
	server_start(&s, answers, NULL);
	struct http_client *c = client_of(&s);
	struct http_request q = {.method = "GET", .path = "/"};
	struct err err = {0};
	struct http_response r;
	assert_int_equal(http_perform(c, &q, &r, &err), -ECONNRESET);
	assert_non_null(strstr(err.msg, s.path));
	http_response_free(&r);
	http_client_free(c);
	server_stop(&s);
}

static void test_nobody_there(void **state)
{
	(void)state;
	struct http_target t = {.unix_path = "/nonexistent/agent.sock"};
	struct http_client *c = NULL;
	struct err err = {0};
	assert_int_equal(http_client_new(&t, &c, &err), 0);
	struct http_request q = {.method = "GET", .path = "/"};
	struct http_response r;
	assert_int_equal(http_perform(c, &q, &r, &err), -ECONNREFUSED);
	assert_string_equal(err.msg, "no agent answers on /nonexistent/agent.sock: no such socket");
	http_response_free(&r);
	http_client_free(c);
}

static int on_wake_cancel(void *data)
{
	(*(unsigned *)data)++;
	return -EINTR;
}

static void test_a_hook_wakes_a_silent_wait(void **state)
{
	(void)state;
	static const char *const answers[] = {NULL};
	struct server s;
	server_start(&s, answers, NULL);
	struct http_client *c = client_of(&s);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	unsigned calls = 0;
	http_client_set_wait(
		c, &(struct http_wait){.fd = ends[0], .on_wake = on_wake_cancel, .data = &calls});
	struct http_request q = {.method = "GET", .path = "/"};
	struct err err = {0};
	struct http_response r;
	assert_int_equal(http_perform(c, &q, &r, &err), -EINTR);
	assert_int_equal(calls, 1);
	http_response_free(&r);
	http_client_free(c);
	(void)close(ends[0]);
	(void)close(ends[1]);
	server_stop(&s);
}

static void test_a_stream_sends_more_than_it_holds(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n000eu", NULL};
	struct server s;
	server_start(&s, answers, "END\r\n0\r\n\r\n");
	struct http_client *c = client_of(&s);
	struct http_request q = {.method = "POST", .path = "/git/x.git/git-receive-pack"};
	struct http_stream *stream = NULL;
	struct err err = {0};
	assert_int_equal(http_stream_open(c, &q, &stream, &err), 0);
	char piece[1000];
	memset(piece, 'a', sizeof piece);
	for (int i = 0; i < 300; i++)
		assert_int_equal(http_stream_write(stream, piece, sizeof piece, &err), 0);
	assert_int_equal(http_stream_write(stream, "END", 3, &err), 0);
	char to[64];
	ssize_t n = http_stream_read(stream, to, sizeof to, &err);
	assert_int_equal(n, 5);
	assert_memory_equal(to, "000eu", 5);
	assert_int_equal(http_stream_read(stream, to, sizeof to, &err), 0);
	assert_int_equal(http_stream_response(stream)->status, 200);
	http_stream_close(stream);
	assert_in_range(buf_len(&s.seen), 300003, 302000);
	http_client_free(c);
	server_stop(&s);
}

static void test_a_stream_reports_a_refusal(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", NULL};
	struct server s;
	server_start(&s, answers, NULL);
	struct http_client *c = client_of(&s);
	struct http_request q = {.method = "GET", .path = "/git/x.git/info/refs"};
	struct http_stream *stream = NULL;
	struct err err = {0};
	assert_int_equal(http_stream_open(c, &q, &stream, &err), 0);
	char to[64];
	assert_int_equal(http_stream_read(stream, to, sizeof to, &err), -EPROTO);
	const struct http_response *r = http_stream_response(stream);
	assert_int_equal(r->status, 403);
	assert_memory_equal(buf_data(&r->body), "no", 2);
	http_stream_close(stream);
	http_client_free(c);
	server_stop(&s);
}

static void test_escape(void **state)
{
	(void)state;
	_cleanup_free_ char *e = http_escape("a b/ü?~");
	assert_string_equal(e, "a%20b%2F%C3%BC%3F~");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_connection_serves_many_requests),
		cmocka_unit_test(test_a_body_comes_from_its_source),
		cmocka_unit_test(test_a_sink_may_end_the_request),
		cmocka_unit_test(test_a_broken_answer_is_a_lost_connection),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_a_hook_wakes_a_silent_wait),
		cmocka_unit_test(test_a_stream_sends_more_than_it_holds),
		cmocka_unit_test(test_a_stream_reports_a_refusal),
		cmocka_unit_test(test_escape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
