/* SPDX-License-Identifier: Apache-2.0
 *
 * One request to a CA: fresh nonce, signature, answer or its words.
 */
#include "agent/acme/client.h"

#include <errno.h>
#include <time.h>

#include "agent/acme/jws.h"
#include "lib/base/clock.h"

#define BAD_NONCES_MAX 10
#define WAIT_MAX_S 60

int acme_client_open(
	struct acme_client *c, const char *directory_url, const char *ca_file, struct err *err)
{
	_cleanup_answer_ struct acme_answer answer = {0};

	c->http = acme_http_new(ca_file);
	int r = acme_http_perform(c->http, directory_url, NULL, &answer, err);
	if (r == 0 && answer.status != 200) {
		c->retry_after_s = answer.retry_after_s;
		r = err_set(err, EIO, "%s: answered with status %u", directory_url, answer.status);
	}
	if (r == 0)
		r = acme_directory_parse(
			(struct str){buf_data(&answer.body), buf_len(&answer.body)}, &c->directory,
			err);
	return r;
}

void acme_client_release(struct acme_client *c)
{
	acme_http_free(c->http);
	json_decref(c->directory.json);
	free(c->account_url);
	*c = (struct acme_client){0};
}

static int fetch_nonce(struct acme_client *c, struct err *err)
{
	_cleanup_answer_ struct acme_answer answer = {0};
	int r = acme_http_perform(c->http, c->directory.new_nonce, NULL, &answer, err);

	if (r < 0)
		return r;
	if (!answer.nonce[0]) {
		c->retry_after_s = answer.retry_after_s;
		return err_set(err, EIO, "%s: no nonce came (status %u)", c->directory.new_nonce,
			answer.status);
	}
	memcpy(c->nonce, answer.nonce, sizeof c->nonce);
	return 0;
}

/* Addresses and nonces are printable and have no quotes (document.c, http.c). */
static int sign(
	struct acme_client *c, const char *url, const char *payload, char **ret, struct err *err)
{
	_cleanup_free_ char *key = NULL;
	int r = c->account_url ? 0 : jws_public_key(c->key, &key, err);

	if (r < 0)
		return r;
	_cleanup_free_ char *header =
		xasprintf("{\"alg\":\"ES256\",%s%s%s,\"nonce\":\"%s\",\"url\":\"%s\"}",
			key ? "\"jwk\":" : "\"kid\":\"", key ? key : c->account_url,
			key ? "" : "\"", c->nonce, url);
	c->nonce[0] = '\0';
	return jws_sign(c->key, header, payload, ret, err);
}

static int attempt(struct acme_client *c, const char *url, const char *payload,
	struct acme_answer *ret, struct err *err)
{
	_cleanup_free_ char *body = NULL;
	int r = c->nonce[0] ? 0 : fetch_nonce(c, err);

	if (r == 0)
		r = sign(c, url, payload, &body, err);
	if (r == 0)
		r = acme_http_perform(c->http, url, body, ret, err);
	if (r == 0)
		memcpy(c->nonce, ret->nonce, sizeof c->nonce);
	return r;
}

static int refuse(
	struct acme_client *c, const char *url, struct acme_answer *answer, struct err *err)
{
	unsigned status = answer->status;

	c->retry_after_s = answer->retry_after_s;
	acme_answer_release(answer);
	if (c->problem.detail[0])
		return err_set(err, EPROTO, "%s", c->problem.detail);
	return err_set(err, EPROTO, "%s: answered with status %u %s", url, status, c->problem.type);
}

int acme_client_post(struct acme_client *c, const char *url, const char *payload,
	struct acme_answer *ret, struct err *err)
{
	for (unsigned bad_nonces = 0;; bad_nonces++) {
		int r = attempt(c, url, payload, ret, err);
		if (r < 0 || (ret->status >= 200 && ret->status < 300))
			return r;
		acme_problem_parse(
			(struct str){buf_data(&ret->body), buf_len(&ret->body)}, &c->problem);
		if (!streq(c->problem.type, "badNonce") || bad_nonces == BAD_NONCES_MAX)
			return refuse(c, url, ret, err);
		acme_answer_release(ret);
	}
}

int acme_client_wait(const struct acme_client *c, const struct acme_answer *last, struct err *err)
{
	int64_t seconds = last->retry_after_s < 1	     ? 1
			  : last->retry_after_s > WAIT_MAX_S ? WAIT_MAX_S
							     : last->retry_after_s;
	struct timespec left = {.tv_sec = seconds};

	if (clock_monotonic_ms() + seconds * 1000 > c->deadline_ms)
		return err_set(err, ETIME, "the CA did not come to an end in time");
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	return 0;
}
