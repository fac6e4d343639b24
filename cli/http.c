/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client over libcurl's multi interface: requests that run to their end. One loop drives
 * whatever is in flight, so a hook may make a request while another one waits. cli/http_stream.c
 * puts the caller in the lead of the same exchanges.
 */
#include "cli/http.h"

#include <errno.h>
#include <poll.h>

#include "cli/http_exchange.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

#define CONNECT_TIMEOUT_MS 10000L
/* A peer that vanished without a word is noticed after about 15 + 3 * 5 seconds of silence. */
#define KEEPALIVE_IDLE_S 15L
#define KEEPALIVE_INTERVAL_S 5L

int http_client_new(const struct http_target *t, struct http_client **ret, struct err *err)
{
	must(!!t->unix_path != !!t->url);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return err_set(err, ENOMEM, "libcurl cannot start");
	struct http_client *c = xnew(struct http_client);
	c->multi = curl_multi_init();
	if (!c->multi) {
		free(c);
		return err_set(err, ENOMEM, "libcurl cannot start");
	}
	c->wait.fd = -1;
	c->unix_path = t->unix_path ? xstrdup(t->unix_path) : NULL;
	c->url = xstrdup(t->url ? t->url : "http://localhost");
	c->name = xstrdup(t->unix_path ? t->unix_path : t->url);
	c->ca_file = t->ca_file ? xstrdup(t->ca_file) : NULL;
	c->authorization = t->token ? xasprintf("Authorization: Bearer %s", t->token) : NULL;
	*ret = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	(void)curl_multi_cleanup(c->multi);
	free(c->unix_path);
	free(c->url);
	free(c->name);
	free(c->ca_file);
	if (c->authorization)
		explicit_bzero(c->authorization, strlen(c->authorization));
	free(c->authorization);
	free(c);
}

void http_client_set_wait(struct http_client *c, const struct http_wait *w)
{
	c->wait = w ? *w : (struct http_wait){.fd = -1};
	c->last_tick_ms = clock_monotonic_ms();
}

const char *http_client_name(const struct http_client *c)
{
	return c->name;
}

void http_response_free(struct http_response *r)
{
	buf_free(&r->body);
}

char *http_escape(const char *s)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = xcalloc(strlen(s) * 3 + 1, 1);
	char *to = out;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~", c)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	return out;
}

/* Status, type and date are known once the first byte of the body, or the end, has come. */
static void note_head(struct http_exchange *x)
{
	if (x->has_head)
		return;
	x->has_head = true;
	long status = 0;
	(void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->response.status = (unsigned)status;
	const char *type = NULL;
	if (curl_easy_getinfo(x->easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type)
		(void)snprintf(
			x->response.content_type, sizeof x->response.content_type, "%s", type);
	struct curl_header *date = NULL;
	if (curl_easy_header(x->easy, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK) {
		time_t t = curl_getdate(date->value, NULL);
		x->response.date_ms = t > 0 ? (int64_t)t * 1000 : 0;
	}
}

static size_t on_curl_body(char *p, size_t size, size_t n, void *data)
{
	struct http_exchange *x = data;
	n *= size;
	note_head(x);
	int k = 0;
	if (x->response.status / 100 != 2)
		k = buf_append(&x->response.body, p, n);
	else if (x->on_stream_body)
		return x->on_stream_body(x, p, n);
	else if (x->request.on_body)
		k = x->request.on_body(x->request.data, p, n);
	else
		k = buf_append(&x->response.body, p, n);
	if (k < 0) {
		x->callback_error = k;
		return 0;
	}
	return n;
}

static size_t on_curl_body_wanted(char *to, size_t size, size_t n, void *data)
{
	struct http_exchange *x = data;
	if (x->on_stream_body_wanted)
		return x->on_stream_body_wanted(x, to, size * n);
	ssize_t k = x->request.on_body_wanted(x->request.data, to, size * n);
	if (k < 0) {
		x->callback_error = (int)k;
		return CURL_READFUNC_ABORT;
	}
	return (size_t)k;
}

static void add_header(struct http_exchange *x, const char *line)
{
	struct curl_slist *grown = curl_slist_append(x->headers, line);
	must(grown);
	x->headers = grown;
}

static void set_headers(struct http_exchange *x, const struct http_client *c)
{
	const struct http_request *r = &x->request;
	/* Asking for permission to send costs a round trip, or a second when nobody answers. */
	add_header(x, "Expect:");
	if (c->authorization)
		add_header(x, c->authorization);
	for (size_t i = 0; i < r->header_count; i++) {
		_cleanup_free_ char *line =
			xasprintf("%s: %s", r->headers[i].name, r->headers[i].value);
		add_header(x, line);
	}
	(void)curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
}

static void set_body(struct http_exchange *x)
{
	const struct http_request *r = &x->request;
	if (r->on_body_wanted || x->on_stream_body_wanted) {
		(void)curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
		add_header(x, "Transfer-Encoding: chunked");
		(void)curl_easy_setopt(x->easy, CURLOPT_READFUNCTION, on_curl_body_wanted);
		(void)curl_easy_setopt(x->easy, CURLOPT_READDATA, x);
		(void)curl_easy_setopt(x->easy, CURLOPT_UPLOAD_BUFFERSIZE, 65536L);
	} else if (r->body || streq(r->method, "POST") || streq(r->method, "PATCH")) {
		(void)curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(
			x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		(void)curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, r->body ? r->body : "");
	}
	(void)curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_target(struct http_exchange *x, const struct http_client *c)
{
	_cleanup_free_ char *url = xasprintf("%s%s", c->url, x->request.path);
	(void)curl_easy_setopt(x->easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, c->unix_path ? "http" : "https");
	if (c->unix_path) {
		(void)curl_easy_setopt(x->easy, CURLOPT_UNIX_SOCKET_PATH, c->unix_path);
		(void)curl_easy_setopt(x->easy, CURLOPT_NOPROXY, "*");
	}
	if (c->ca_file)
		(void)curl_easy_setopt(x->easy, CURLOPT_CAINFO, c->ca_file);
	(void)curl_easy_setopt(x->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(x->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(x->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(x->easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	(void)curl_easy_setopt(x->easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	(void)curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)x->request.timeout_ms);
}

int http_exchange_start(struct http_exchange *x, struct http_client *c, struct err *err)
{
	x->client = c;
	x->response = (struct http_response){.body = BUF_INIT(HTTP_BODY_MAX)};
	x->easy = curl_easy_init();
	if (!x->easy)
		return err_set(err, ENOMEM, "libcurl cannot make a request");
	(void)curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
	(void)curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->words);
	(void)curl_easy_setopt(x->easy, CURLOPT_USERAGENT, "berth");
	(void)curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_curl_body);
	(void)curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
	set_target(x, c);
	set_body(x);
	set_headers(x, c);
	if (curl_multi_add_handle(c->multi, x->easy) != CURLM_OK)
		return err_set(err, EIO, "libcurl cannot start a request");
	return 0;
}

void http_exchange_stop(struct http_exchange *x)
{
	if (x->easy) {
		(void)curl_multi_remove_handle(x->client->multi, x->easy);
		curl_easy_cleanup(x->easy);
	}
	x->easy = NULL;
	curl_slist_free_all(x->headers);
	x->headers = NULL;
}

static void note_finished(struct http_client *c)
{
	int left;
	const CURLMsg *m;
	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		char *private = NULL;
		CURLcode result = m->data.result;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		struct http_exchange *x = (struct http_exchange *)(void *)private;
		x->is_done = true;
		x->result = result;
		if (result == CURLE_OK)
			note_head(x);
	}
}

/* Calls the hook when its descriptor is ready or its tick is due. A hook that makes a request of
 * its own comes back here; it is not called again from inside itself. */
static int wake(struct http_client *c, bool fd_ready)
{
	int64_t now = clock_monotonic_ms();
	bool tick = c->wait.tick_ms && now - c->last_tick_ms >= c->wait.tick_ms;
	if (!c->wait.on_wake || c->is_waking || !(fd_ready || tick))
		return 0;
	c->last_tick_ms = now;
	c->is_waking = true;
	int k = c->wait.on_wake(c->wait.data);
	c->is_waking = false;
	return k;
}

int http_client_step(struct http_client *c, const struct http_exchange *x)
{
	int running;
	if (curl_multi_perform(c->multi, &running) != CURLM_OK)
		return -EIO;
	note_finished(c);
	if (x->is_done)
		return 0;
	struct curl_waitfd extra = {.fd = c->wait.fd, .events = CURL_WAIT_POLLIN};
	bool has_fd = c->wait.on_wake && c->wait.fd >= 0 && !c->is_waking;
	int timeout = c->wait.on_wake && c->wait.tick_ms ? (int)c->wait.tick_ms : 1000;
	if (curl_multi_poll(c->multi, &extra, has_fd ? 1 : 0, timeout, NULL) != CURLM_OK)
		return -EIO;
	return wake(c, has_fd && (extra.revents & CURL_WAIT_POLLIN));
}

static int fail_connect(const struct http_exchange *x, struct err *err)
{
	const struct http_client *c = x->client;
	long os = 0;
	(void)curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os);
	if (c->unix_path && os == EACCES)
		return err_set(err, EACCES, "not allowed to open %s", c->name);
	if (c->unix_path)
		return err_set(err, ECONNREFUSED, "no agent answers on %s: %s", c->name,
			os == ENOENT	     ? "no such socket"
			: os == ECONNREFUSED ? "connection refused"
					     : x->words);
	return err_set(err, ECONNREFUSED, "cannot reach %s: %s", c->name,
		x->words[0] ? x->words : curl_easy_strerror(x->result));
}

int http_exchange_result(const struct http_exchange *x, struct err *err)
{
	const char *name = x->client->name;
	const char *words = x->words[0] ? x->words : curl_easy_strerror(x->result);
	if (x->callback_error < 0)
		return err_errno(err, -x->callback_error, "talking to %s", name);
	switch ((int)x->result) {
	case CURLE_OK:
		return 0;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return fail_connect(x, err);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ETIMEDOUT, "%s did not answer in time", name);
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(
			err, EKEYREJECTED, "the certificate of %s is not trusted: %s", name, words);
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, EKEYREJECTED, "cannot read the CA file %s",
			x->client->ca_file ? x->client->ca_file : "of this system");
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		return err_set(err, ECONNRESET, "the connection to %s broke: %s", name, words);
	default:
		return err_set(err, EPROTO, "talking to %s failed: %s", name, words);
	}
}

int http_perform(struct http_client *c, const struct http_request *r, struct http_response *ret,
	struct err *err)
{
	struct http_exchange x = {.request = *r};
	int k = http_exchange_start(&x, c, err);
	while (k == 0 && !x.is_done) {
		k = http_client_step(c, &x);
		if (k < 0)
			(void)err_errno(err, -k, "talking to %s", c->name);
	}
	if (k == 0)
		k = http_exchange_result(&x, err);
	http_exchange_stop(&x);
	*ret = x.response;
	return k;
}
