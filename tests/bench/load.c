/* SPDX-License-Identifier: Apache-2.0
 *
 * Load with a conscience: keep-alive TLS connections and a stream of new ones, each response
 * examined. Runs until standard input ends, then prints one JSON object with what failed, by class.
 *
 *	load PORT HOST CA.pem [--path /] [--connections 32] [--new 2] [--pause-ms 5]
 *
 * A good body is one line repeated: "v7\nv7\n...". Fewer bytes than announced are "short", lines that
 * differ are "mixed", a status that is not 200 is "status". A connection that the server closes
 * between two responses without having said so (Connection: close) is "closed".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/ssl.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/http/chunked.h"
#include "lib/http/head.h"

#define RESPONSE_MAX (16u << 20)
#define TIMEOUT_SECONDS 20
#define THREADS_MAX 256
#define VERSIONS_MAX 512
#define VERSION_BYTES 48
#define SLOW_BUCKETS 20000 /* milliseconds */

enum failure {
	FAIL_CONNECT,
	FAIL_TLS,
	FAIL_SEND,
	FAIL_CLOSED,
	FAIL_SHORT,
	FAIL_TIMEOUT,
	FAIL_BAD,
	FAIL_STATUS,
	FAIL_MIXED,
	FAIL_COUNT,
};

static const char *const failure_names[FAIL_COUNT] = {
	"connect", "tls", "send", "closed", "short", "timeout", "bad", "status", "mixed"};

static struct {
	unsigned port;
	char *host;
	const char *path;
	SSL_CTX *tls;
	unsigned connections, fresh, pause_ms;
} options = {.path = "/", .connections = 32, .fresh = 2, .pause_ms = 5};

static atomic_bool stopping;
static atomic_uint started;
static atomic_ullong requests, handshakes, failures[FAIL_COUNT], backwards;
static atomic_uint milliseconds[SLOW_BUCKETS + 1];
static pthread_mutex_t versions_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	char name[VERSION_BYTES];
	unsigned long long count;
} versions[VERSIONS_MAX];
static size_t version_count;
static char first_failure[256];

struct connection {
	int fd;
	SSL *ssl;
	unsigned number; /* of the last version seen, when it is "v<number>" */
};

static void fail(enum failure what, const char *words)
{
	atomic_fetch_add(&failures[what], 1);
	(void)pthread_mutex_lock(&versions_lock);
	if (first_failure[0] == '\0') {
		(void)snprintf(first_failure, sizeof first_failure, "%s: %.200s",
			failure_names[what], words);
		for (char *p = first_failure; *p; p++)
			if ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\')
				*p = '?';
	}
	(void)pthread_mutex_unlock(&versions_lock);
}

static void count_version(const char *name)
{
	(void)pthread_mutex_lock(&versions_lock);
	size_t i = 0;
	while (i < version_count && !streq(versions[i].name, name))
		i++;
	if (i == version_count && i < VERSIONS_MAX) {
		(void)snprintf(versions[i].name, VERSION_BYTES, "%s", name);
		version_count++;
	}
	if (i < VERSIONS_MAX)
		versions[i].count++;
	(void)pthread_mutex_unlock(&versions_lock);
}

static void disconnect(struct connection *c)
{
	if (c->ssl)
		SSL_free(take_ptr(c->ssl));
	if (c->fd >= 0)
		(void)close(take_fd(&c->fd));
}

static bool connect_tls(struct connection *c)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
	const int on = 1;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(c->fd >= 0);
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) {
		fail(FAIL_CONNECT, strerrordesc_np(errno));
		return false;
	}
	c->ssl = SSL_new(options.tls);
	must(c->ssl && SSL_set_fd(c->ssl, c->fd) == 1);
	(void)SSL_set_tlsext_host_name(c->ssl, options.host);
	(void)SSL_set1_host(c->ssl, options.host);
	if (SSL_connect(c->ssl) != 1) {
		long verify = SSL_get_verify_result(c->ssl);
		fail(FAIL_TLS,
			verify != X509_V_OK ? X509_verify_cert_error_string(verify) : "handshake");
		return false;
	}
	atomic_fetch_add(&handshakes, 1);
	return true;
}

/* Reads more into b; false at the end, which *ret_timeout says was a timeout. */
static bool read_more(struct connection *c, struct buf *b, bool *ret_timeout)
{
	char *to = buf_reserve(b, 65536);
	must(to);
	errno = 0;
	int n = SSL_read(c->ssl, to, 65536);
	*ret_timeout = n <= 0 && errno == EAGAIN;
	if (n <= 0)
		return false;
	buf_commit(b, (size_t)n);
	return true;
}

/* Is the whole body in data[0..len)? *ret_len is its length once decoded (in place). */
static bool body_is_whole(const struct http_head *head, char *data, size_t len, size_t *ret_len)
{
	if (head->framing == HTTP_BODY_LENGTH) {
		*ret_len = (size_t)head->content_length;
		return len >= head->content_length;
	}
	must(head->framing == HTTP_BODY_CHUNKED);
	/* Decoding spoils the data: only look whether the end is there, unless it is. */
	if (len < 5 || memcmp(data + len - 5, "0\r\n\r\n", 5) != 0)
		return false;
	struct http_chunked chunked;
	size_t consumed;
	http_chunked_init(&chunked);
	return http_chunked_decode(&chunked, data, len, &consumed, ret_len) == HTTP_CHUNKED_DONE;
}

/* One line, repeated: the version. */
static void check_body(struct connection *c, const char *body, size_t len)
{
	const char *end = memchr(body, '\n', len);
	char name[VERSION_BYTES];
	unsigned number;

	size_t line = end ? (size_t)(end - body) + 1 : 0;
	if (line < 2 || line >= VERSION_BYTES || len % line != 0) {
		fail(FAIL_MIXED, "no line that repeats");
		return;
	}
	for (size_t at = line; at < len; at += line) {
		if (memcmp(body, body + at, line) != 0) {
			fail(FAIL_MIXED, "lines of two versions");
			return;
		}
	}
	must(str_copy(name, sizeof name, (struct str){body, line - 1}) == 0);
	count_version(name);
	if (parse_unsigned(name + 1, 0, UINT32_MAX, &number) == 0) {
		if (number < c->number)
			atomic_fetch_add(&backwards, 1);
		c->number = number;
	}
}

static void count_time(int64_t ms)
{
	atomic_fetch_add(&milliseconds[ms < SLOW_BUCKETS ? ms : SLOW_BUCKETS], 1);
}

/* Reads and judges one response. True when the connection may carry another request. */
static bool receive(struct connection *c)
{
	_cleanup_buf_ struct buf b = BUF_INIT(RESPONSE_MAX);
	static _Thread_local struct http_head head;
	const char *why = "";
	bool timeout = false;
	ssize_t head_len = 0;
	size_t body_len = 0;

	while (head_len == 0) {
		if (!read_more(c, &b, &timeout)) {
			fail(timeout	      ? FAIL_TIMEOUT
				: buf_len(&b) ? FAIL_SHORT
					      : FAIL_CLOSED,
				"head");
			return false;
		}
		head_len = http_parse_response(buf_data(&b), buf_len(&b), STR("GET"), &head, &why);
		if (head_len < 0) {
			fail(FAIL_BAD, why);
			return false;
		}
	}
	unsigned status = head.status;
	bool keep_alive = head.keep_alive;
	struct http_head framing = {.framing = head.framing, .content_length = head.content_length};
	if (framing.framing != HTTP_BODY_LENGTH && framing.framing != HTTP_BODY_CHUNKED) {
		fail(FAIL_BAD, "the end of the body is not marked");
		return false;
	}
	while (!body_is_whole(
		&framing, buf_data(&b) + head_len, buf_len(&b) - (size_t)head_len, &body_len)) {
		if (!read_more(c, &b, &timeout)) {
			fail(timeout ? FAIL_TIMEOUT : FAIL_SHORT, "body");
			return false;
		}
	}
	if (status != 200) {
		char words[32];
		(void)snprintf(words, sizeof words, "%u", status);
		fail(FAIL_STATUS, words);
	} else {
		check_body(c, buf_data(&b) + head_len, body_len);
	}
	return keep_alive;
}

/* One request and its response. */
static bool exchange(struct connection *c, bool keep_alive)
{
	_cleanup_free_ char *request = xasprintf(
		"GET %s HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: berth-load\r\n%s\r\n", options.path,
		options.host, options.port, keep_alive ? "" : "Connection: close\r\n");
	int64_t start = clock_monotonic_ms();

	atomic_fetch_add(&requests, 1);
	if (SSL_write(c->ssl, request, (int)strlen(request)) <= 0) {
		fail(FAIL_SEND, "request");
		return false;
	}
	bool reusable = receive(c);
	count_time(clock_monotonic_ms() - start);
	return reusable && keep_alive;
}

static void *run_kept(void *unused)
{
	struct connection c = {.fd = -1};
	bool first = true;

	(void)unused;
	while (!stopping) {
		if (!c.ssl && !connect_tls(&c)) {
			disconnect(&c);
		} else if (!exchange(&c, true)) {
			disconnect(&c);
		}
		if (first)
			atomic_fetch_add(&started, 1);
		first = false;
		(void)usleep(options.pause_ms * 1000);
	}
	disconnect(&c);
	return NULL;
}

static void *run_fresh(void *unused)
{
	bool first = true;

	(void)unused;
	while (!stopping) {
		struct connection c = {.fd = -1};
		if (connect_tls(&c))
			(void)exchange(&c, false);
		disconnect(&c);
		if (first)
			atomic_fetch_add(&started, 1);
		first = false;
		(void)usleep(options.pause_ms * 1000);
	}
	return NULL;
}

static unsigned percentile(unsigned per_mille)
{
	unsigned long long total = 0, seen = 0;
	unsigned ms = 0;

	for (unsigned i = 0; i <= SLOW_BUCKETS; i++)
		total += milliseconds[i];
	for (unsigned i = 0; i <= SLOW_BUCKETS && seen * 1000 < total * per_mille; i++) {
		seen += milliseconds[i];
		ms = i;
	}
	return ms;
}

static void print_report(void)
{
	unsigned long long failed = 0;

	for (size_t i = 0; i < FAIL_COUNT; i++)
		failed += failures[i];
	printf("{\"requests\": %llu, \"handshakes\": %llu, \"failed\": %llu, \"backwards\": %llu, "
	       "\"p50_ms\": %u, \"p99_ms\": %u, \"max_ms\": %u, \"first_failure\": \"%s\", "
	       "\"failures\": {",
		requests, handshakes, failed, backwards, percentile(500), percentile(990),
		percentile(1000), first_failure);
	for (size_t i = 0; i < FAIL_COUNT; i++)
		printf("%s\"%s\": %llu", i > 0 ? ", " : "", failure_names[i], failures[i]);
	printf("}, \"versions\": {");
	for (size_t i = 0; i < version_count; i++)
		printf("%s\"%s\": %llu", i > 0 ? ", " : "", versions[i].name, versions[i].count);
	printf("}}\n");
}

static int read_options(int argc, char **argv)
{
	if (argc < 4 || parse_unsigned(argv[1], 1, 65535, &options.port) < 0)
		return -1;
	options.host = argv[2];
	for (int i = 4; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		int r = 0;
		if (streq(name, "--path"))
			options.path = value;
		else if (streq(name, "--connections"))
			r = parse_unsigned(value, 0, THREADS_MAX / 2, &options.connections);
		else if (streq(name, "--new"))
			r = parse_unsigned(value, 0, THREADS_MAX / 2, &options.fresh);
		else if (streq(name, "--pause-ms"))
			r = parse_unsigned(value, 0, 10000, &options.pause_ms);
		else
			r = -1;
		if (r < 0)
			return -1;
	}
	options.tls = SSL_CTX_new(TLS_client_method());
	must(options.tls);
	SSL_CTX_set_verify(options.tls, SSL_VERIFY_PEER, NULL);
	return SSL_CTX_load_verify_locations(options.tls, argv[3], NULL) == 1 ? 0 : -1;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	char ignored[64];

	if (read_options(argc, argv) < 0) {
		(void)fprintf(stderr, "usage: load PORT HOST CA.pem [--path /] [--connections 32] "
				      "[--new 2] [--pause-ms 5]\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	unsigned count = options.connections + options.fresh;
	for (unsigned i = 0; i < count; i++)
		must(pthread_create(&threads[i], NULL,
			     i < options.connections ? run_kept : run_fresh, NULL) == 0);
	while (started < count)
		(void)usleep(1000);
	printf("started\n");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, ignored, sizeof ignored) > 0)
		;
	stopping = true;
	for (unsigned i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	print_report();
	SSL_CTX_free(options.tls);
	return 0;
}
