/* SPDX-License-Identifier: Apache-2.0
 *
 * The account's key and address on disk, and newAccount.
 */
#include "agent/acme/account.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/acme/csr.h"
#include "agent/acme/jws.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"

#define KEY_BYTES_MAX 16384
#define URL_BYTES_MAX 2048

static int make_key(const char *path, EVP_PKEY **ret, struct err *err)
{
	_cleanup_free_ char *pem = NULL;
	EVP_PKEY *key = NULL;
	int r = key_make(&key, &pem, err);

	if (r == 0)
		r = file_replace(path, pem, strlen(pem), 0600, err);
	if (pem)
		OPENSSL_cleanse(pem, strlen(pem));
	if (r < 0) {
		EVP_PKEY_free(key);
		return r;
	}
	*ret = key;
	return 0;
}

/* Kept for a person to look at: the account may be worth something. */
static int put_aside(const char *path, struct err *err)
{
	_cleanup_free_ char *aside =
		xasprintf("%s.unreadable-%lld", path, (long long)clock_wall_ms() / 1000);

	if (rename(path, aside) < 0)
		return err_errno(err, errno, "cannot put %s aside", path);
	(void)fprintf(
		stderr, "%s cannot be read and is now %s; a new account is made\n", path, aside);
	return 0;
}

int account_load_key(const struct account_options *o, EVP_PKEY **ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/account.key", o->dir), *pem = NULL, *jwk = NULL;
	int r = file_make_dirs(o->dir, 0700, err);

	if (r < 0 || !file_exists(path))
		return r < 0 ? r : make_key(path, ret, err);
	r = file_read(path, KEY_BYTES_MAX, &pem, NULL, err);
	if (r < 0)
		return r; /* perhaps a matter of permissions: not ours to replace */
	EVP_PKEY *key = key_parse(pem);
	OPENSSL_cleanse(pem, strlen(pem));
	if (key && jws_public_key(key, &jwk, NULL) == 0) {
		*ret = key;
		return 0;
	}
	EVP_PKEY_free(key);
	r = put_aside(path, err);
	if (r == 0)
		r = account_forget(NULL, o, err);
	return r < 0 ? r : make_key(path, ret, err);
}

/* The account's key, signed with what the CA gave the user (RFC 8555 §7.3.4). */
static int make_binding(
	const struct acme_client *c, const struct account_options *o, json_t **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL, *jwk = NULL, *jws = NULL;
	unsigned char secret[1024];
	int r = file_read(o->eab_key_file, sizeof secret, &text, NULL, err);

	if (r == 0)
		r = jws_public_key(c->key, &jwk, err);
	if (r < 0)
		return err_wrap(err, "acme.eab_key_file");
	struct str word = str_from(text);
	while (word.len > 0 && (unsigned char)word.p[word.len - 1] <= ' ')
		word.len--;
	ssize_t n = jws_decode(word, secret, sizeof secret);
	if (n <= 0)
		return err_set(err, EINVAL, "%s must hold the CA's HMAC key as base64url text",
			o->eab_key_file);
	json_auto_t *header = json_pack("{s:s,s:s,s:s}", "alg", "HS256", "kid", o->eab_kid, "url",
		c->directory.new_account);
	_cleanup_free_ char *head = header ? json_dumps(header, JSON_COMPACT) : NULL;
	r = head ? jws_sign_hmac((struct str){(const char *)secret, (size_t)n}, head, jwk, &jws)
		 : -EINVAL;
	OPENSSL_cleanse(secret, sizeof secret);
	OPENSSL_cleanse(text, strlen(text));
	if (r < 0)
		return err_set(err, EINVAL, "cannot sign for the external account");
	*ret = json_loads(jws, 0, NULL);
	return 0;
}

static int check_terms(
	const struct acme_client *c, const struct account_options *o, struct err *err)
{
	if (c->directory.terms && !o->agrees_terms)
		return err_set(err, EPERM,
			"the CA has terms: read %s, then set acme.agree_terms to true",
			c->directory.terms);
	if (c->directory.needs_external_account && (!o->eab_kid || !o->eab_key_file))
		return err_set(err, EPERM,
			"the CA wants an external account: set acme.eab_kid and acme.eab_key_file "
			"to what it gave you");
	return 0;
}

static int format_request(
	const struct acme_client *c, const struct account_options *o, char **ret, struct err *err)
{
	json_auto_t *request = json_object();
	json_t *binding = NULL;

	if (o->agrees_terms)
		(void)json_object_set_new(request, "termsOfServiceAgreed", json_true());
	if (o->email) {
		_cleanup_free_ char *address = xasprintf("mailto:%s", o->email);
		(void)json_object_set_new(request, "contact", json_pack("[s]", address));
	}
	if (o->eab_kid && o->eab_key_file) {
		int r = make_binding(c, o, &binding, err);
		if (r < 0)
			return r;
		(void)json_object_set_new(request, "externalAccountBinding", binding);
	}
	*ret = json_dumps(request, JSON_COMPACT);
	must(*ret);
	return 0;
}

int account_open(struct acme_client *c, const struct account_options *o, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/account.url", o->dir), *known = NULL,
			    *request = NULL;
	_cleanup_answer_ struct acme_answer answer = {0};

	if (file_read(path, URL_BYTES_MAX, &known, NULL, NULL) == 0 &&
		has_prefix(known, "https://") && !strpbrk(known, "\"\\ \n")) {
		c->account_url = take_ptr(known);
		return 0;
	}
	int r = check_terms(c, o, err);
	if (r == 0)
		r = format_request(c, o, &request, err);
	if (r == 0)
		r = acme_client_post(c, c->directory.new_account, request, &answer, err);
	if (r < 0)
		return r;
	if (!has_prefix(answer.location, "https://"))
		return err_set(err, EPROTO, "the CA did not say what it calls the account");
	c->account_url = xstrdup(answer.location);
	return file_replace(path, answer.location, strlen(answer.location), 0600, err);
}

int account_forget(struct acme_client *c, const struct account_options *o, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/account.url", o->dir);

	if (c)
		free(take_ptr(c->account_url));
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "cannot remove %s", path);
	return 0;
}
