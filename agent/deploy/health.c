/* SPDX-License-Identifier: Apache-2.0
 *
 * Health checks: one try after the other, each its own connection, all under one deadline.
 */
#include "agent/deploy/health.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/http/head.h"
#include "lib/http/writer.h"
#include "lib/sys/fd.h"

#define RESPONSE_MAX (256u * 1024u)
#define TRY_TIMEOUT_MS 10000 /* an app that hangs once gets another chance */
#define BODY_GRACE_MS 500 /* for a body that does not end (an event stream) */
#define DELAY_FIRST_MS 20
#define DELAY_STEADY_MS 100
#define DELAY_MAX_MS 1000
#define STEADY_TRIES 30 /* then the pause grows */

struct health_check {
	struct ev_loop *loop;
	char *address, *host, *path;
	bool any_below_500;
	unsigned status;
	int64_t deadline_ms;
	health_on_result on_result;
	void *data;

	unsigned tries;
	uint64_t delay_ms;
	char words[160];

	int fd;
	ev_io io;
	ev_timer timer; /* the pause between tries, or the limit of one */
	struct buf out, in;
	bool connecting, pausing, accepted; /* accepted: the head was good, the body still comes */
	size_t body_seen;
	struct http_head head;
};

static void begin_try(struct health_check *c);

static void set_timer(struct health_check *c, int64_t ms)
{
	ev_timer_stop(c->loop, &c->timer);
	ev_timer_set(&c->timer, (double)(ms > 0 ? ms : 0) / 1000., 0.);
	/* The loop's idea of now may be old by the length of a build. */
	ev_now_update(c->loop);
	ev_timer_start(c->loop, &c->timer);
}

static void end_try(struct health_check *c)
{
	ev_io_stop(c->loop, &c->io);
	if (c->fd >= 0)
		(void)close(take_fd(&c->fd));
	buf_free(&c->out);
	buf_free(&c->in);
}

static void finish(struct health_check *c, bool healthy)
{
	end_try(c);
	ev_timer_stop(c->loop, &c->timer);
	c->on_result(c->data, healthy, c->words);
}

static void PRINTF_LIKE(2, 3) try_failed(struct health_check *c, const char *fmt, ...)
{
	int64_t left = c->deadline_ms - clock_monotonic_ms();
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->words, sizeof c->words, fmt, ap);
	va_end(ap);
	end_try(c);
	if (left <= 0) {
		finish(c, false);
		return;
	}
	uint64_t delay = c->delay_ms;
	if (c->delay_ms < DELAY_STEADY_MS)
		c->delay_ms *= 2;
	else if (c->tries > STEADY_TRIES && c->delay_ms < DELAY_MAX_MS)
		c->delay_ms += c->delay_ms / 4;
	c->pausing = true;
	set_timer(c, (int64_t)delay < left ? (int64_t)delay : left);
}

static void connect_failed(struct health_check *c, int code)
{
	const char *where = strchr(c->address, ':') + 1;

	if (code == ECONNREFUSED || code == ENOENT)
		try_failed(c, "nothing listens on %s", where);
	else
		try_failed(c, "cannot connect to %s: %s", where, strerrordesc_np(code));
}

static int open_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (str_copy(to.sun_path, sizeof to.sun_path, str_from(path)) < 0)
		return -ENAMETOOLONG;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0) {
		int code = errno;
		(void)close(fd);
		return -code;
	}
	return fd;
}

static int open_tcp(const char *port_text)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	unsigned port;

	if (parse_unsigned(port_text, 1, 65535, &port) < 0)
		return -EINVAL;
	to.sin_port = htons((uint16_t)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
		int code = errno;
		(void)close(fd);
		return -code;
	}
	return fd;
}

static int open_address(const char *address)
{
	if (has_prefix(address, "unix:"))
		return open_unix(address + strlen("unix:"));
	if (has_prefix(address, "tcp:127.0.0.1:"))
		return open_tcp(address + strlen("tcp:127.0.0.1:"));
	return -EINVAL;
}

static bool is_good(const struct health_check *c, unsigned status)
{
	if (c->any_below_500)
		return status < 500;
	return c->status ? status == c->status : status < 400;
}

static void judge_head(struct health_check *c)
{
	if (!is_good(c, c->head.status)) {
		try_failed(c, "it answered %u to GET %s", c->head.status, c->path);
		return;
	}
	c->accepted = true;
	set_timer(c, BODY_GRACE_MS);
}

/* Interim responses (1xx) come before the one that counts. */
static void read_head(struct health_check *c)
{
	while (!c->accepted) {
		const char *why = "";
		ssize_t n = http_parse_response(
			buf_data(&c->in), buf_len(&c->in), STR("GET"), &c->head, &why);
		if (n == 0)
			return;
		if (n < 0) {
			try_failed(c, "its answer to GET %s is not HTTP: %s", c->path, why);
			return;
		}
		buf_consume(&c->in, (size_t)n);
		if (c->head.status >= 200) {
			judge_head(c);
			return;
		}
	}
}

static bool is_body_complete(const struct health_check *c)
{
	size_t n = c->body_seen + buf_len(&c->in);

	return c->head.framing == HTTP_BODY_NONE ||
	       (c->head.framing == HTTP_BODY_LENGTH && n >= c->head.content_length) ||
	       n >= RESPONSE_MAX;
}

static void on_bytes(struct health_check *c)
{
	if (!c->accepted)
		read_head(c);
	if (c->fd < 0 || !c->accepted)
		return;
	bool complete = is_body_complete(c);
	c->body_seen += buf_len(&c->in);
	buf_clear(&c->in);
	if (complete)
		finish(c, true);
}

static void on_readable(struct health_check *c)
{
	ssize_t n = fd_read(c->fd, &c->in, 16384);

	if (n == -EAGAIN)
		return;
	if (n > 0)
		on_bytes(c);
	else if (c->accepted)
		finish(c, true);
	else if (n == 0)
		try_failed(c, "it closed the connection without an answer to GET %s", c->path);
	else if (n == -ENOBUFS)
		try_failed(c, "the head of its answer is too large");
	else
		try_failed(c, "reading its answer to GET %s failed: %s", c->path,
			strerrordesc_np((int)-n));
}

static void on_writable(struct health_check *c)
{
	if (c->connecting) {
		int code = 0;
		socklen_t size = sizeof code;
		(void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &size);
		if (code != 0) {
			connect_failed(c, code);
			return;
		}
		c->connecting = false;
	}
	ssize_t n = fd_write(c->fd, &c->out);
	if (n < 0 && n != -EAGAIN) {
		try_failed(c, "sending GET %s failed: %s", c->path, strerrordesc_np((int)-n));
		return;
	}
	if (buf_len(&c->out) == 0) {
		ev_io_stop(c->loop, &c->io);
		ev_io_set(&c->io, c->fd, EV_READ);
		ev_io_start(c->loop, &c->io);
	}
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct health_check *c = container_of(io, struct health_check, io);
	(void)loop;

	if (events & EV_WRITE)
		on_writable(c);
	else
		on_readable(c);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct health_check *c = container_of(timer, struct health_check, timer);
	(void)loop;
	(void)events;

	if (c->accepted)
		finish(c, true);
	else if (!c->pausing)
		try_failed(c, "it did not answer GET %s in time", c->path);
	else if (clock_monotonic_ms() >= c->deadline_ms)
		finish(c, false);
	else
		begin_try(c);
}

static int write_request(struct health_check *c)
{
	int r = http_write_request_line(&c->out, STR("GET"), str_from(c->path));
	r |= http_write_field(&c->out, STR("Host"), str_from(c->host));
	r |= http_write_field(&c->out, STR("User-Agent"), STR("berth-health"));
	r |= http_write_field(&c->out, STR("Accept"), STR("*/*"));
	r |= http_write_field(&c->out, STR("X-Forwarded-Proto"), STR("https"));
	r |= http_write_field(&c->out, STR("X-Forwarded-For"), STR("127.0.0.1"));
	r |= http_write_field(&c->out, STR("Connection"), STR("close"));
	r |= http_write_end(&c->out);
	return r;
}

static void begin_try(struct health_check *c)
{
	int64_t left = c->deadline_ms - clock_monotonic_ms();

	c->tries++;
	c->pausing = c->accepted = false;
	c->body_seen = 0;
	int fd = open_address(c->address);
	if (fd < 0) {
		connect_failed(c, -fd);
		return;
	}
	c->fd = fd;
	c->connecting = true;
	if (write_request(c) < 0) {
		try_failed(c, "its health path cannot be asked for");
		return;
	}
	ev_io_set(&c->io, fd, EV_WRITE);
	ev_io_start(c->loop, &c->io);
	set_timer(c, left < TRY_TIMEOUT_MS ? left : TRY_TIMEOUT_MS);
}

struct health_check *health_check_start(struct ev_loop *loop, const struct health_config *config,
	health_on_result on_result, void *data)
{
	struct health_check *c = xnew(struct health_check);

	c->loop = loop;
	c->address = xstrdup(config->address);
	c->host = xstrdup(config->host);
	c->path = xstrdup(config->path ? config->path : "/");
	c->any_below_500 = config->path == NULL;
	c->status = config->status;
	c->deadline_ms = clock_monotonic_ms() + (int64_t)config->timeout_ms;
	c->on_result = on_result;
	c->data = data;
	c->delay_ms = DELAY_FIRST_MS;
	c->fd = -1;
	buf_init(&c->out, 16384);
	buf_init(&c->in, HTTP_HEAD_BYTES_MAX + 16384);
	(void)snprintf(c->words, sizeof c->words, "it was not asked in time");
	ev_init(&c->io, on_io);
	ev_init(&c->timer, on_timer);
	c->pausing = true;
	set_timer(c, 0); /* the first try comes from the loop: no callback from within this call */
	return c;
}

unsigned health_check_tries(const struct health_check *c)
{
	return c->tries;
}

void health_check_free(struct health_check *c)
{
	if (!c)
		return;
	end_try(c);
	ev_timer_stop(c->loop, &c->timer);
	free(c->address);
	free(c->host);
	free(c->path);
	free(c);
}
