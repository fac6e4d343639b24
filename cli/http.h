/* SPDX-License-Identifier: Apache-2.0
 *
 * struct http_client: HTTP to one agent, over its UNIX socket or over https with a token. The only
 * file of the CLI that knows libcurl. Connections are kept and used again by the next request; the
 * API client and git's smart transport share one client, and so one connection.
 *
 * One thread. Every call blocks until its request is done, or its deadline has passed; meanwhile the
 * client's `wait` hook is called, from where further requests may be made (to cancel a deploy).
 */
#ifndef BERTH_CLI_HTTP_H
#define BERTH_CLI_HTTP_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define HTTP_BODY_MAX (8u << 20) /* of answers that are collected, not streamed */

struct http_client;

struct http_target {
	const char *unix_path; /* of agent.sock; else NULL and */
	const char *url; /* "https://berth.example.com[:8443]", no path behind it */
	const char *token; /* sent as a bearer token, NULL: none */
	const char *ca_file; /* PEM instead of the system's authorities, NULL: those */
};

/* What goes on while a request waits: `on_wake` is called when `fd` becomes readable (-1: none) and
 * every `tick_ms` (0: never). A negative result ends the request with that error. */
struct http_wait {
	int fd;
	unsigned tick_ms;
	int (*on_wake)(void *data);
	void *data;
};

struct http_header {
	const char *name, *value;
};

struct http_request {
	const char *method; /* "GET" */
	const char *path; /* "/v1/apps?limit=3", percent-encoded already; http_escape() helps */
	const struct http_header *headers;
	size_t header_count;
	/* The body: bytes, or a source that fills `to` and returns how many (0: the end, negative
	 * -errno: give up), sent chunked. */
	const void *body;
	size_t body_len;
	ssize_t (*on_body_wanted)(void *data, char *to, size_t size);
	/* The sink of a 2xx answer's body, called as bytes come; NULL: they are collected in the
	 * response. A negative result ends the request with that error. Other answers are always
	 * collected: they hold the error object. */
	int (*on_body)(void *data, const char *p, size_t n);
	void *data;
	unsigned timeout_ms; /* for all of it; 0: none, a stream whose silence means nothing */
};

struct http_response {
	unsigned status;
	char content_type[96];
	int64_t date_ms; /* the Date header, wall clock; 0: none */
	struct buf body; /* what was collected; freed by http_response_free() */
};

/* Copies the target; nothing is connected yet. */
int http_client_new(const struct http_target *t, struct http_client **ret, struct err *err);
void http_client_free(struct http_client *c); /* accepts NULL */
void http_client_set_wait(
	struct http_client *c, const struct http_wait *w); /* copies; NULL: none */
/* How the target is called in messages: the socket's path or the URL. Owned by the client. */
const char *http_client_name(const struct http_client *c);

/* Performs a request. 0 with any status answered; -ECONNREFUSED when nothing could be reached,
 * -ETIMEDOUT, -ECONNRESET when the connection broke before the end, -EPROTO, or what a callback
 * returned. The response is valid (and must be freed) in every case. */
int http_perform(struct http_client *c, const struct http_request *r, struct http_response *ret,
	struct err *err);
void http_response_free(struct http_response *r);

/* The same with the caller in the lead, for libgit2: open, write the body piece by piece, read the
 * answer. `on_body_wanted`, `on_body` and `body` of the request are not used; a request of method
 * GET has no body to write. Small writes are gathered. */
struct http_stream;
int http_stream_open(struct http_client *c, const struct http_request *r, struct http_stream **ret,
	struct err *err);
int http_stream_write(struct http_stream *s, const void *data, size_t n, struct err *err);
/* Ends the body with its first call. Blocks for at least a byte; 0 at the end of the answer. An
 * answer that is not 2xx is -EPROTO; http_stream_response() then has its status and body. */
ssize_t http_stream_read(struct http_stream *s, char *to, size_t size, struct err *err);
const struct http_response *http_stream_response(const struct http_stream *s);
void http_stream_close(struct http_stream *s); /* accepts NULL; aborts what is not finished */

/* Percent-encodes all but unreserved characters; caller frees. */
char *http_escape(const char *s);

#endif
