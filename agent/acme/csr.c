/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's part of an order.
 */
#include "agent/acme/csr.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "agent/acme/jws.h"

static int fail(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	int r = err_set(err, EINVAL, "%s: %s", what, reason ? reason : "unknown reason");
	ERR_clear_error();
	return r;
}

int key_make(EVP_PKEY **ret, char **ret_pem, struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	long len = 0;

	if (key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		len = BIO_get_mem_data(bio, &text);
	if (len > 0)
		*ret_pem = xstrndup(text, (size_t)len);
	BIO_free(bio);
	if (len <= 0) {
		EVP_PKEY_free(key);
		return fail(err, "cannot make a key");
	}
	*ret = key;
	return 0;
}

/* Never asks on a terminal for the passphrase of an encrypted key. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
static int no_passphrase(char *to, int size, int writing, void *data)
{
	(void)to;
	(void)size;
	(void)writing;
	(void)data;
	return 0;
}

EVP_PKEY *key_parse(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

/* The name is an alternative name only: the subject may stay empty (RFC 8555 §7.4). */
static bool add_name(X509_REQ *request, const char *domain)
{
	_cleanup_free_ char *value = xasprintf("DNS:%s", domain);
	X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	bool ok = name && list && sk_X509_EXTENSION_push(list, name) > 0;

	if (!ok)
		X509_EXTENSION_free(name);
	ok = ok && X509_REQ_add_extensions(request, list) == 1;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return ok;
}

int csr_make(EVP_PKEY *key, const char *domain, char **ret, struct err *err)
{
	X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	int len = 0;

	if (request && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
		X509_REQ_set_pubkey(request, key) == 1 && add_name(request, domain) &&
		X509_REQ_sign(request, key, EVP_sha256()) > 0)
		len = i2d_X509_REQ(request, &der);
	X509_REQ_free(request);
	if (len <= 0)
		return fail(err, "cannot make the certificate request");
	*ret = jws_encode((struct str){(const char *)der, (size_t)len});
	OPENSSL_free(der);
	return 0;
}
