/* SPDX-License-Identifier: Apache-2.0
 *
 * A request whose caller writes the body and reads the answer in its own time, as libgit2's
 * transport does. Bytes wait in two bounded buffers; curl is paused while it has nothing to send or
 * nowhere to put.
 */
#include <errno.h>

#include "cli/http_exchange.h"
#include "lib/base/str.h"

#define OUT_MAX 65536u /* gathered before they are sent as one chunk */
#define IN_MAX (256u * 1024) /* curl hands over at most 16 KB at a time */

struct http_stream {
	struct http_exchange x;
	struct buf out, in;
	bool is_body_ended;
	bool is_send_paused, is_receive_paused;
	char *method, *path;
};

static struct http_stream *stream_of(struct http_exchange *x)
{
	return container_of(x, struct http_stream, x);
}

static size_t on_stream_body_wanted(struct http_exchange *x, char *to, size_t size)
{
	struct http_stream *s = stream_of(x);
	size_t n = buf_len(&s->out) < size ? buf_len(&s->out) : size;
	if (n == 0 && !s->is_body_ended) {
		s->is_send_paused = true;
		return CURL_READFUNC_PAUSE;
	}
	if (n > 0)
		memcpy(to, buf_data(&s->out), n);
	buf_consume(&s->out, n);
	return n;
}

static size_t on_stream_body(struct http_exchange *x, const char *p, size_t n)
{
	struct http_stream *s = stream_of(x);
	if (buf_append(&s->in, p, n) < 0) {
		s->is_receive_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	return n;
}

int http_stream_open(struct http_client *c, const struct http_request *r, struct http_stream **ret,
	struct err *err)
{
	struct http_stream *s = xnew(struct http_stream);
	s->out = BUF_INIT(OUT_MAX);
	s->in = BUF_INIT(IN_MAX);
	s->method = xstrdup(r->method);
	s->path = xstrdup(r->path);
	s->x.request = (struct http_request){.method = s->method,
		.path = s->path,
		.headers = r->headers,
		.header_count = r->header_count,
		.timeout_ms = r->timeout_ms};
	s->x.on_stream_body = on_stream_body;
	if (!streq(r->method, "GET"))
		s->x.on_stream_body_wanted = on_stream_body_wanted;
	int k = http_exchange_start(&s->x, c, err);
	/* The exchange has made lines of them; the caller's array may go. */
	s->x.request.headers = NULL;
	s->x.request.header_count = 0;
	if (k < 0) {
		http_stream_close(s);
		return k;
	}
	*ret = s;
	return 0;
}

/* Lets curl go on where it paused; its callbacks may run inside. */
static int unpause(struct http_stream *s)
{
	bool can_send = buf_len(&s->out) > 0 || s->is_body_ended;
	bool may_send = s->is_send_paused && can_send;
	bool may_receive = s->is_receive_paused && buf_len(&s->in) == 0;
	if (s->x.is_done || !(may_send || may_receive))
		return 0;
	s->is_send_paused = s->is_send_paused && !may_send;
	s->is_receive_paused = s->is_receive_paused && !may_receive;
	int mask = (s->is_send_paused ? CURLPAUSE_SEND : 0) |
		   (s->is_receive_paused ? CURLPAUSE_RECV : 0);
	return curl_easy_pause(s->x.easy, mask) == CURLE_OK ? 0 : -EIO;
}

static int step(struct http_stream *s, struct err *err)
{
	int k = http_client_step(s->x.client, &s->x);
	if (k < 0)
		return err_errno(err, -k, "talking to %s", s->x.client->name);
	return 0;
}

/* Sends what was gathered. An answer before the end of the body is an early no: what is left to
 * send does not matter any more, and the caller hears the answer when it reads. */
static int flush(struct http_stream *s, struct err *err)
{
	(void)unpause(s);
	while (buf_len(&s->out) > 0 && !s->x.is_done) {
		int k = step(s, err);
		if (k < 0)
			return k;
	}
	if (!s->x.is_done)
		return 0;
	buf_clear(&s->out);
	return http_exchange_result(&s->x, err);
}

int http_stream_write(struct http_stream *s, const void *data, size_t n, struct err *err)
{
	const char *p = data;
	must(s->x.on_stream_body_wanted && !s->is_body_ended);
	while (n > 0) {
		size_t part = n < buf_room(&s->out) ? n : buf_room(&s->out);
		must(buf_append(&s->out, p, part) == 0);
		p += part;
		n -= part;
		int k = buf_room(&s->out) == 0 ? flush(s, err) : 0;
		if (k < 0)
			return k;
	}
	return 0;
}

static int fail_status(const struct http_stream *s, struct err *err)
{
	return err_set(
		err, EPROTO, "%s answered with status %u", s->x.client->name, s->x.response.status);
}

ssize_t http_stream_read(struct http_stream *s, char *to, size_t size, struct err *err)
{
	s->is_body_ended = true;
	while (buf_len(&s->in) == 0 && !s->x.is_done) {
		int k = unpause(s);
		k = k < 0 ? err_errno(err, -k, "talking to %s", s->x.client->name) : step(s, err);
		if (k < 0)
			return k;
	}
	if (buf_len(&s->in) == 0) {
		int k = http_exchange_result(&s->x, err);
		if (k < 0)
			return k;
		return s->x.response.status / 100 == 2 ? 0 : fail_status(s, err);
	}
	size_t n = buf_len(&s->in) < size ? buf_len(&s->in) : size;
	memcpy(to, buf_data(&s->in), n);
	buf_consume(&s->in, n);
	return (ssize_t)n;
}

const struct http_response *http_stream_response(const struct http_stream *s)
{
	return &s->x.response;
}

void http_stream_close(struct http_stream *s)
{
	if (!s)
		return;
	http_exchange_stop(&s->x);
	http_response_free(&s->x.response);
	buf_free(&s->out);
	buf_free(&s->in);
	free(s->method);
	free(s->path);
	free(s);
}
