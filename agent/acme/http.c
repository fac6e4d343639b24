/* SPDX-License-Identifier: Apache-2.0
 *
 * libcurl behind four fields and a body.
 */
#include "agent/acme/http.h"

#include <curl/curl.h>
#include <errno.h>

#include "agent/acme/document.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

#define CONNECT_TIMEOUT_S 15L
#define TIMEOUT_S 60L
#define BODY_MAX (256u << 10)
#define USER_AGENT "berth-acme/" BERTH_VERSION

struct acme_http {
	CURL *curl;
	struct curl_slist *fields;
	char *ca_file;
	char words[CURL_ERROR_SIZE];
};

void acme_answer_release(struct acme_answer *a)
{
	buf_free(&a->body);
}

struct acme_http *acme_http_new(const char *ca_file)
{
	struct acme_http *h = xnew(struct acme_http);

	h->curl = curl_easy_init();
	h->fields = curl_slist_append(NULL, "Content-Type: application/jose+json");
	must(h->curl && h->fields);
	h->ca_file = ca_file ? xstrdup(ca_file) : NULL;
	return h;
}

void acme_http_free(struct acme_http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->fields);
	free(h->ca_file);
	free(h);
}

static size_t on_body(char *data, size_t size, size_t count, void *to)
{
	struct acme_answer *a = to;

	return buf_append(&a->body, data, size * count) == 0 ? size * count : 0;
}

/* Printable, since it goes into a header or an address of ours again. */
static void take_field(char *to, size_t size, struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.p[i] <= ' ' || value.p[i] > '~' || value.p[i] == '"' ||
			value.p[i] == '\\')
			return;
	if (str_copy(to, size, value) < 0)
		to[0] = '\0'; /* longer than any of ours */
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static size_t on_field(char *data, size_t size, size_t count, void *to)
{
	struct acme_answer *a = to;
	struct str value = {data, size * count}, name;

	if (!str_split(&value, ':', &name))
		return size * count;
	while (value.len > 0 && (value.p[value.len - 1] == '\n' || value.p[value.len - 1] == '\r'))
		value.len--;
	value = str_trim(value);
	if (str_ieq(name, STR("replay-nonce")))
		take_field(a->nonce, sizeof a->nonce, value);
	else if (str_ieq(name, STR("location")))
		take_field(a->location, sizeof a->location, value);
	else if (str_ieq(name, STR("retry-after")))
		a->retry_after_s = acme_retry_after(value, clock_wall_ms() / 1000);
	return size * count;
}

static void set_options(struct acme_http *h, const char *url, struct acme_answer *ret)
{
	CURL *c = h->curl;

	curl_easy_reset(c); /* connections and sessions stay */
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, TIMEOUT_S);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, USER_AGENT);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->words);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, ret);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_field);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, ret);
	if (h->ca_file)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
}

int acme_http_perform(struct acme_http *h, const char *url, const char *body,
	struct acme_answer *ret, struct err *err)
{
	long status = 0;

	*ret = (struct acme_answer){.body = BUF_INIT(BODY_MAX)};
	set_options(h, url, ret);
	if (body) {
		(void)curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
		(void)curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->fields);
	}
	h->words[0] = '\0';
	CURLcode code = curl_easy_perform(h->curl);
	if (code == CURLE_OK &&
		curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK) {
		ret->status = (unsigned)status;
		return 0;
	}
	acme_answer_release(ret);
	if (code == CURLE_WRITE_ERROR)
		return err_set(err, EIO, "%s: the answer is longer than %u bytes", url, BODY_MAX);
	return err_set(err, EIO, "%s: %s", url, h->words[0] ? h->words : curl_easy_strerror(code));
}
