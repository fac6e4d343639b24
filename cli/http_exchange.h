/* SPDX-License-Identifier: Apache-2.0
 *
 * struct http_exchange: one request in flight, between cli/http.c (the loop) and cli/http_stream.c.
 * Nobody else includes this.
 */
#ifndef BERTH_CLI_HTTP_EXCHANGE_H
#define BERTH_CLI_HTTP_EXCHANGE_H

#include <curl/curl.h>

#include "cli/http.h"

struct http_client {
	CURLM *multi;
	char *unix_path, *url, *name, *ca_file;
	char *authorization; /* the header line */
	struct http_wait wait;
	int64_t last_tick_ms;
	bool is_waking;
};

struct http_exchange {
	struct http_client *client;
	struct http_request
		request; /* what it points to is borrowed until the exchange is stopped */
	struct http_response response;
	CURL *easy;
	struct curl_slist *headers;
	char words[CURL_ERROR_SIZE];
	/* Set by a stream: they take or give bytes, or answer with curl's pause values. */
	size_t (*on_stream_body)(struct http_exchange *x, const char *p, size_t n);
	size_t (*on_stream_body_wanted)(struct http_exchange *x, char *to, size_t size);
	int callback_error;
	bool has_head, is_done;
	CURLcode result;
};

int http_exchange_start(struct http_exchange *x, struct http_client *c, struct err *err);
/* Forgets the request, also one in flight; the response stays. */
void http_exchange_stop(struct http_exchange *x);
/* Moves everything in flight on by one step; waits for something to happen unless x is done.
 * Negative: what the wait hook returned. */
int http_client_step(struct http_client *c, const struct http_exchange *x);
/* Of an exchange that is done: 0, or the error with words. */
int http_exchange_result(const struct http_exchange *x, struct err *err);

#endif
