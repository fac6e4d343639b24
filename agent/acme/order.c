/* SPDX-License-Identifier: Apache-2.0
 *
 * The order's steps. What was lost on the way back (an answer that never came) is asked for again,
 * never ordered again.
 */
#include "agent/acme/order.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "agent/acme/csr.h"
#include "agent/acme/jws.h"

#define LOST_ANSWERS_MAX 3

struct order_run {
	struct acme_client *client;
	const struct order_request *request;
	struct order_result *result;
	char *url; /* the order's */
	char *key_thumbprint;
};

static void order_run_release(struct order_run *o)
{
	free(o->url);
	free(o->key_thumbprint);
}

void order_result_release(struct order_result *r)
{
	free(r->chain_pem);
	if (r->key_pem)
		OPENSSL_cleanse(r->key_pem, strlen(r->key_pem));
	free(r->key_pem);
	*r = (struct order_result){0};
}

static struct str body_of(const struct acme_answer *a)
{
	return (struct str){buf_data(&a->body), buf_len(&a->body)};
}

/* POST-as-GET, again when no answer came. */
static int get(struct acme_client *c, const char *url, struct acme_answer *ret, struct err *err)
{
	static const struct acme_answer soon = {.retry_after_s = 2};

	for (unsigned lost = 0;; lost++) {
		int r = acme_client_post(c, url, "", ret, err);
		if (r == 0 || r == -EPROTO || lost == LOST_ANSWERS_MAX)
			return r;
		struct err late;
		if (acme_client_wait(c, &soon, &late) < 0)
			return r;
	}
}

static int post_order(struct order_run *o, struct acme_answer *ret, struct err *err)
{
	json_auto_t *request = json_pack(
		"{s:[{s:s,s:s}]}", "identifiers", "type", "dns", "value", o->request->domain);
	_cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
	struct acme_client *c = o->client;
	int r = acme_client_post(c, c->directory.new_order, text, ret, err);

	if (r != -EPROTO || !streq(c->problem.type, "accountDoesNotExist"))
		return r;
	/* The CA has lost it: once more with a new one (for the same key). */
	r = account_forget(c, o->request->account, err);
	if (r == 0)
		r = account_open(c, o->request->account, err);
	return r < 0 ? r : acme_client_post(c, c->directory.new_order, text, ret, err);
}

static int begin(struct order_run *o, struct acme_order *ret, struct err *err)
{
	_cleanup_answer_ struct acme_answer answer = {0};
	int r = post_order(o, &answer, err);

	if (r < 0)
		return r;
	if (!has_prefix(answer.location, "https://"))
		return err_set(err, EPROTO, "the CA did not say where the order is");
	o->url = xstrdup(answer.location);
	return acme_order_parse(body_of(&answer), ret, err);
}

/* The words of the CA, as they are. */
static int invalid(
	struct order_run *o, const struct acme_problem *p, const char *what, struct err *err)
{
	o->client->problem = *p;
	if (p->detail[0])
		return err_set(err, EPROTO, "%s", p->detail);
	return err_set(err, EPROTO, "the CA says that %s is invalid, and not why", what);
}

/* Until the CA has looked. */
static int await_authorization(struct order_run *o, const char *url, struct err *err)
{
	for (;;) {
		_cleanup_answer_ struct acme_answer answer = {0};
		struct acme_authorization a = {0};
		int r = get(o->client, url, &answer, err);
		if (r == 0)
			r = acme_authorization_parse(body_of(&answer), &a, err);
		if (r < 0)
			return r;
		if (a.status == ACME_INVALID)
			r = invalid(o, &a.error, "the proof of the domain", err);
		enum acme_status status = a.status;
		json_decref(a.json);
		if (status == ACME_INVALID) {
			o->result->is_validation = true;
			return r;
		}
		if (status == ACME_VALID)
			return 0;
		r = acme_client_wait(o->client, &answer, err);
		if (r < 0)
			return r;
	}
}

/* Serves what the CA asks for, and tells it to look. */
static int prove(struct order_run *o, const struct acme_authorization *a, struct err *err)
{
	const struct order_request *request = o->request;
	_cleanup_answer_ struct acme_answer answer = {0};

	if (!a->url)
		return err_set(
			err, EPROTO, "the CA offers no HTTP-01 challenge for %s", request->domain);
	_cleanup_free_ char *text = xasprintf("%s.%s", a->token, o->key_thumbprint);
	int r = request->publish(request->data, request->domain, a->token, text, err);
	if (r < 0)
		return r;
	r = acme_client_post(o->client, a->url, "{}", &answer, err);
	/* Without an answer it may have been heard: what the authorization says decides. */
	return r == -EPROTO ? r : 0;
}

static int authorize(struct order_run *o, const char *url, struct err *err)
{
	_cleanup_answer_ struct acme_answer answer = {0};
	struct acme_authorization a = {0};
	int r = get(o->client, url, &answer, err);

	if (r == 0)
		r = acme_authorization_parse(body_of(&answer), &a, err);
	if (r < 0)
		return r;
	bool is_done = a.status == ACME_VALID;
	if (!is_done)
		r = a.status == ACME_INVALID ? invalid(o, &a.error, "the authorization", err)
					     : prove(o, &a, err);
	json_decref(a.json);
	return r < 0 || is_done ? r : await_authorization(o, url, err);
}

/* Polls the order until it is in that state or beyond. */
static int await_order(
	struct order_run *o, enum acme_status wanted, struct acme_order *ret, struct err *err)
{
	for (;;) {
		_cleanup_answer_ struct acme_answer answer = {0};
		int r = get(o->client, o->url, &answer, err);
		if (r == 0)
			r = acme_order_parse(body_of(&answer), ret, err);
		if (r < 0)
			return r;
		if (ret->status != ACME_INVALID && ret->status >= wanted &&
			(wanted != ACME_VALID || ret->certificate))
			return 0;
		if (ret->status == ACME_INVALID)
			r = invalid(o, &ret->error, "the order", err);
		else
			r = acme_client_wait(o->client, &answer, err);
		json_decref(ret->json);
		if (r < 0)
			return r;
	}
}

static int finalize(struct order_run *o, const char *url, struct err *err)
{
	_cleanup_answer_ struct acme_answer answer = {0};
	_cleanup_free_ char *csr = NULL, *text = NULL;
	EVP_PKEY *key = NULL;
	int r = key_make(&key, &o->result->key_pem, err);

	if (r == 0)
		r = csr_make(key, o->request->domain, &csr, err);
	EVP_PKEY_free(key);
	if (r < 0)
		return r;
	text = xasprintf("{\"csr\":\"%s\"}", csr);
	r = acme_client_post(o->client, url, text, &answer, err);
	/* Without an answer it may have been heard: the order says. */
	return r == -EPROTO ? r : 0;
}

static int download(struct order_run *o, const char *url, struct err *err)
{
	_cleanup_answer_ struct acme_answer answer = {0};
	int r = get(o->client, url, &answer, err);
	if (r < 0)
		return r;
	struct str body = body_of(&answer);
	if (body.len == 0 || memchr(body.p, '\0', body.len))
		return err_set(err, EPROTO, "the CA's certificate is empty or no text");
	o->result->chain_pem = str_dup(body);
	return 0;
}

static int conclude(struct order_run *o, struct err *err)
{
	struct acme_order order = {0};
	int r = await_order(o, ACME_READY, &order, err);

	if (r < 0)
		return r;
	r = finalize(o, order.finalize, err);
	json_decref(order.json);
	if (r == 0)
		r = await_order(o, ACME_VALID, &order, err);
	if (r < 0)
		return r;
	r = download(o, order.certificate, err);
	json_decref(order.json);
	return r;
}

int order_run(struct acme_client *c, const struct order_request *request, struct order_result *ret,
	struct err *err)
{
	_cleanup_(order_run_release) struct order_run o = {
		.client = c, .request = request, .result = ret};
	struct acme_order order = {0};
	int r = jws_thumbprint(c->key, &o.key_thumbprint, err);

	if (r == 0)
		r = begin(&o, &order, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < order.authorization_count && r == 0; i++)
		r = authorize(&o, order.authorizations[i], err);
	json_decref(order.json);
	return r < 0 ? r : conclude(&o, err);
}
