/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a CA's documents.
 */
#include "agent/acme/document.h"

#include <errno.h>

#include "lib/base/parse.h"
#include "lib/http/date.h"

#define URL_BYTES_MAX 2048
#define TOKEN_BYTES_MAX 128
#define RETRY_AFTER_MAX (366LL * 24 * 3600)

static int load(struct str text, const char *what, json_t **ret, struct err *err)
{
	json_error_t bad;
	json_t *json = json_loadb(text.len > 0 ? text.p : "", text.len, 0, &bad);

	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, EPROTO, "the CA's %s is not a JSON object", what);
	}
	*ret = json;
	return 0;
}

/* An https address without anything that could end a line; NULL otherwise. */
static const char *check_url(const char *url)
{
	size_t n = url ? strlen(url) : 0;

	if (!url || n > URL_BYTES_MAX || !has_prefix(url, "https://"))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (url[i] <= ' ' || url[i] > '~' || url[i] == '"' || url[i] == '\\')
			return NULL;
	return url;
}

static const char *url_of(const json_t *object, const char *key)
{
	return check_url(json_string_value(json_object_get(object, key)));
}

static bool is_token(const char *text)
{
	size_t n = text ? strlen(text) : 0;
	return n > 0 && n <= TOKEN_BYTES_MAX &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
		       n;
}

static enum acme_status status_of(const json_t *object)
{
	static const struct {
		const char *word;
		enum acme_status status;
	} words[] = {
		{"pending", ACME_PENDING},
		{"ready", ACME_READY},
		{"processing", ACME_PROCESSING},
		{"valid", ACME_VALID},
	};
	const char *word = json_string_value(json_object_get(object, "status"));

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(word, words[i].word))
			return words[i].status;
	return ACME_INVALID;
}

/* As much as fits, on one line, and never half a character. */
static void copy_words(char *to, size_t size, const char *from)
{
	size_t n = from ? strlen(from) : 0;

	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80)
			n--;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)from[i] < 0x20 || from[i] == 0x7f ? ' ' : from[i];
	to[n] = '\0';
}

static void read_problem(const json_t *object, struct acme_problem *ret)
{
	const char *type = json_string_value(json_object_get(object, "type"));
	const json_t *inner = json_array_get(json_object_get(object, "subproblems"), 0);
	const char *detail = json_string_value(json_object_get(object, "detail"));

	if (type && has_prefix(type, ACME_PROBLEM_PREFIX))
		type += strlen(ACME_PROBLEM_PREFIX);
	/* "compound" says nothing; what it is made of does. */
	if (!detail)
		detail = json_string_value(json_object_get(inner, "detail"));
	copy_words(ret->type, sizeof ret->type, type);
	copy_words(ret->detail, sizeof ret->detail, detail);
}

void acme_problem_parse(struct str text, struct acme_problem *ret)
{
	json_t *json = NULL;

	*ret = (struct acme_problem){0};
	if (load(text, "error", &json, NULL) == 0)
		read_problem(json, ret);
	json_decref(json);
}

int acme_directory_parse(struct str text, struct acme_directory *ret, struct err *err)
{
	struct acme_directory d = {0};
	int r = load(text, "directory", &d.json, err);
	if (r < 0)
		return r;
	const json_t *meta = json_object_get(d.json, "meta");
	d.new_nonce = url_of(d.json, "newNonce");
	d.new_account = url_of(d.json, "newAccount");
	d.new_order = url_of(d.json, "newOrder");
	d.terms = url_of(meta, "termsOfService");
	d.needs_external_account = json_is_true(json_object_get(meta, "externalAccountRequired"));
	if (!d.new_nonce || !d.new_account || !d.new_order) {
		json_decref(d.json);
		return err_set(err, EPROTO,
			"the directory does not name newNonce, newAccount and newOrder: is this the "
			"address of an ACME directory?");
	}
	*ret = d;
	return 0;
}

int acme_order_parse(struct str text, struct acme_order *ret, struct err *err)
{
	struct acme_order o = {0};
	const json_t *url;
	size_t i;
	int r = load(text, "order", &o.json, err);
	if (r < 0)
		return r;
	o.status = status_of(o.json);
	o.finalize = url_of(o.json, "finalize");
	o.certificate = url_of(o.json, "certificate");
	read_problem(json_object_get(o.json, "error"), &o.error);
	const json_t *list = json_object_get(o.json, "authorizations");
	bool ok = o.finalize && json_array_size(list) <= ACME_AUTHORIZATIONS_MAX;
	json_array_foreach (list, i, url) {
		const char *checked = ok ? check_url(json_string_value(url)) : NULL;
		ok = checked != NULL;
		if (ok)
			o.authorizations[o.authorization_count++] = checked;
	}
	if (!ok) {
		json_decref(o.json);
		return err_set(err, EPROTO, "the CA's order has no usable addresses");
	}
	*ret = o;
	return 0;
}

int acme_authorization_parse(struct str text, struct acme_authorization *ret, struct err *err)
{
	struct acme_authorization a = {0};
	const json_t *challenge;
	size_t i;
	int r = load(text, "authorization", &a.json, err);
	if (r < 0)
		return r;
	a.status = status_of(a.json);
	json_array_foreach (json_object_get(a.json, "challenges"), i, challenge) {
		const json_t *error = json_object_get(challenge, "error");
		const char *type = json_string_value(json_object_get(challenge, "type"));
		const char *token = json_string_value(json_object_get(challenge, "token"));
		if (error)
			read_problem(error, &a.error);
		if (!streq(type, "http-01") || !is_token(token) || !url_of(challenge, "url"))
			continue;
		a.url = url_of(challenge, "url");
		a.token = token;
	}
	*ret = a;
	return 0;
}

int64_t acme_retry_after(struct str field, int64_t now_seconds)
{
	int64_t at;
	uint64_t seconds;

	field = str_trim(field);
	if (parse_u64(field, 0, INT64_MAX, &seconds) == 0)
		at = (int64_t)seconds;
	else if (http_date_parse(field, now_seconds, &at) == 0)
		at -= now_seconds;
	else
		return 0;
	return at < 0 ? 0 : at > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : at;
}
