/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures. OpenSSL writes an ECDSA signature as DER; here it is two numbers of 32 bytes
 * (RFC 7518 §3.4).
 */
#include "agent/acme/jws.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#define NUMBER_BYTES 32 /* of P-256 */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *jws_encode(struct str bytes)
{
	char *to = xcalloc(1, (bytes.len + 2) / 3 * 4 + 1), *at = to;

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t group = 0;
		for (size_t k = 0; k < 3; k++)
			group = group << 8 | (k < n ? (unsigned char)bytes.p[i + k] : 0);
		for (size_t k = 0; k <= n; k++)
			*at++ = alphabet[group >> (18 - 6 * k) & 63];
	}
	return to;
}

ssize_t jws_decode(struct str text, unsigned char *to, size_t size)
{
	uint32_t group = 0;
	unsigned bits = 0;
	size_t n = 0;

	while (text.len > 0 && text.p[text.len - 1] == '=')
		text.len--;
	if (text.len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.p[i] ? strchr(alphabet, text.p[i]) : NULL;
		if (!at)
			return -EINVAL;
		group = group << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits < 8)
			continue;
		if (n == size)
			return -EINVAL;
		bits -= 8;
		to[n++] = (unsigned char)(group >> bits);
	}
	return (ssize_t)n;
}

static int openssl_err(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	int r = err_set(err, EINVAL, "%s: %s", what, reason ? reason : "unknown reason");
	ERR_clear_error();
	return r;
}

static char *coordinate(const EVP_PKEY *key, const char *name)
{
	unsigned char bytes[NUMBER_BYTES];
	BIGNUM *number = NULL;
	char *text = NULL;

	if (EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
		BN_bn2binpad(number, bytes, sizeof bytes) == (int)sizeof bytes)
		text = jws_encode((struct str){(const char *)bytes, sizeof bytes});
	BN_free(number);
	return text;
}

int jws_public_key(EVP_PKEY *key, char **ret_json, struct err *err)
{
	_cleanup_free_ char *x = coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X);
	_cleanup_free_ char *y = coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y);

	if (!x || !y)
		return openssl_err(err, "the account's key is no P-256 key");
	/* The order of the members is that of RFC 7638. */
	*ret_json = xasprintf("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
	return 0;
}

int jws_thumbprint(EVP_PKEY *key, char **ret, struct err *err)
{
	_cleanup_free_ char *json = NULL;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	int r = jws_public_key(key, &json, err);
	if (r < 0)
		return r;
	(void)SHA256((const unsigned char *)json, strlen(json), digest);
	*ret = jws_encode((struct str){(const char *)digest, sizeof digest});
	return 0;
}

/* DER to r and s. */
static int split_signature(const unsigned char *der, size_t len, unsigned char *to)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), to, NUMBER_BYTES) > 0 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), to + NUMBER_BYTES, NUMBER_BYTES) > 0;
	ECDSA_SIG_free(sig);
	return ok ? 0 : -EINVAL;
}

static int sign_bytes(EVP_PKEY *key, const char *input, unsigned char to[2 * NUMBER_BYTES])
{
	unsigned char der[128];
	size_t len = sizeof der;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestSign(ctx, der, &len, (const unsigned char *)input, strlen(input)) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? split_signature(der, len, to) : -EINVAL;
}

/* What is signed: both parts, encoded, with a dot between. */
struct parts {
	char *header, *payload, *input;
};

static void parts_make(struct parts *p, const char *header, const char *payload)
{
	p->header = jws_encode(str_from(header));
	p->payload = jws_encode(str_from(payload));
	p->input = xasprintf("%s.%s", p->header, p->payload);
}

static void parts_release(struct parts *p)
{
	free(p->header);
	free(p->payload);
	free(p->input);
}

static char *parts_format(const struct parts *p, const unsigned char *signature, size_t len)
{
	_cleanup_free_ char *text = jws_encode((struct str){(const char *)signature, len});

	return xasprintf("{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
		p->header, p->payload, text);
}

int jws_sign(EVP_PKEY *key, const char *header, const char *payload, char **ret, struct err *err)
{
	_cleanup_(parts_release) struct parts parts;
	unsigned char signature[2 * NUMBER_BYTES];

	parts_make(&parts, header, payload);
	if (sign_bytes(key, parts.input, signature) < 0)
		return openssl_err(err, "cannot sign with the account's key");
	*ret = parts_format(&parts, signature, sizeof signature);
	return 0;
}

int jws_sign_hmac(struct str secret, const char *header, const char *payload, char **ret)
{
	_cleanup_(parts_release) struct parts parts;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	parts_make(&parts, header, payload);
	if (!HMAC(EVP_sha256(), secret.p, (int)secret.len, (const unsigned char *)parts.input,
		    strlen(parts.input), digest, &len))
		return -EINVAL;
	*ret = parts_format(&parts, digest, len);
	return 0;
}
