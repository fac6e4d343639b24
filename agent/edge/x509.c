/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL 3 behind PEM text. OpenSSL's own error queue is cleared on every way out, its first
 * reason becomes part of our words.
 */
#include "agent/edge/x509.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "lib/base/str.h"

#define BACKDATE_SECONDS 3600 /* clients with a clock that is a little late */
#define SERIAL_BYTES 16
#define CHAIN_MAX 10
#define SHORT_LIFETIME_MS (10LL * 24 * 3600 * 1000)

static void bio_freep(BIO **b)
{
	BIO_free(*b);
}

static void key_freep(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void cert_freep(X509 **c)
{
	X509_free(*c);
}

#define _cleanup_bio_ _cleanup_(bio_freep)
#define _cleanup_key_ _cleanup_(key_freep)
#define _cleanup_cert_ _cleanup_(cert_freep)

static int openssl_err(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	int r = err_set(err, EINVAL, "%s: %s", what, reason ? reason : "unknown reason");
	ERR_clear_error();
	return r;
}

void x509_pair_clear(struct x509_pair *p)
{
	free(p->chain_pem);
	if (p->key_pem)
		OPENSSL_cleanse(p->key_pem, strlen(p->key_pem));
	free(p->key_pem);
	*p = (struct x509_pair){0};
}

static char *bio_text(BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	return len > 0 ? xstrndup(data, (size_t)len) : NULL;
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

static EVP_PKEY *read_key(const char *pem)
{
	_cleanup_bio_ BIO *bio = BIO_new_mem_buf(pem, -1);
	return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

static X509 *read_cert(const char *pem)
{
	_cleanup_bio_ BIO *bio = BIO_new_mem_buf(pem, -1);
	return bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
}

static char *write_cert(X509 *cert)
{
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());
	return bio && PEM_write_bio_X509(bio, cert) == 1 ? bio_text(bio) : NULL;
}

int x509_make_key(char **ret_key_pem, struct err *err)
{
	_cleanup_key_ EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_secmem());

	if (!key || !bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
		!(*ret_key_pem = bio_text(bio)))
		return openssl_err(err, "cannot make a key");
	return 0;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	/* Positive, and never shorter than the others (RFC 5280 §4.1.2.2). */
	bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
	BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
	bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return ok;
}

/* Version, serial, dates, subject and key: what a root and a leaf have in common. */
static X509 *new_cert(const char *common_name, unsigned days, EVP_PKEY *key)
{
	_cleanup_cert_ X509 *cert = X509_new();

	if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
		!X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE_SECONDS) ||
		!X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, -BACKDATE_SECONDS, NULL) ||
		X509_set_pubkey(cert, key) != 1)
		return NULL;
	/* A common name has at most 64 characters (RFC 5280, ub-common-name); a longer host is in
	 * the alternative names alone. */
	if (strlen(common_name) <= 64 &&
		X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
			(const unsigned char *)common_name, -1, -1, 0) != 1)
		return NULL;
	return take_ptr(cert);
}

int x509_make_root(
	const char *name, const char *key_pem, unsigned days, char **ret_pem, struct err *err)
{
	_cleanup_key_ EVP_PKEY *key = read_key(key_pem);
	_cleanup_cert_ X509 *cert = key ? new_cert(name, days, key) : NULL;

	if (!cert || X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1 ||
		!add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
		!add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
		!add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
		X509_sign(cert, key, EVP_sha256()) <= 0 || !(*ret_pem = write_cert(cert)))
		return openssl_err(err, "cannot make the root certificate");
	return 0;
}

static bool extend_leaf(X509 *leaf, X509 *root, const char *host)
{
	_cleanup_free_ char *names =
		xasprintf("%sDNS:%s", strlen(host) > 64 ? "critical," : "", host);

	return add_extension(leaf, root, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(leaf, root, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(leaf, root, NID_ext_key_usage, "serverAuth") &&
	       add_extension(leaf, root, NID_subject_key_identifier, "hash") &&
	       add_extension(leaf, root, NID_authority_key_identifier, "keyid:always") &&
	       add_extension(leaf, root, NID_subject_alt_name, names);
}

int x509_make_leaf(const struct x509_pair *root, const char *host, unsigned days,
	struct x509_pair *ret, struct err *err)
{
	struct x509_pair pair = {0};
	int r = x509_make_key(&pair.key_pem, err);
	if (r < 0)
		return r;
	_cleanup_key_ EVP_PKEY *key = read_key(pair.key_pem);
	_cleanup_key_ EVP_PKEY *root_key = read_key(root->key_pem);
	_cleanup_cert_ X509 *root_cert = read_cert(root->chain_pem);
	_cleanup_cert_ X509 *leaf = key ? new_cert(host, days, key) : NULL;

	if (!leaf || !root_key || !root_cert ||
		X509_set_issuer_name(leaf, X509_get_subject_name(root_cert)) != 1 ||
		!extend_leaf(leaf, root_cert, host) ||
		X509_sign(leaf, root_key, EVP_sha256()) <= 0 ||
		!(pair.chain_pem = write_cert(leaf))) {
		x509_pair_clear(&pair);
		return openssl_err(err, "cannot make a certificate");
	}
	*ret = pair;
	return 0;
}

static void to_hex(const unsigned char *bytes, int len, char to[X509_ID_MAX])
{
	to[0] = '\0';
	for (int i = 0; i < len && i < (X509_ID_MAX - 1) / 2; i++)
		(void)snprintf(to + 2 * (size_t)i, 3, "%02x", bytes[i]);
}

static int to_wall_ms(const ASN1_TIME *t, int64_t *ret)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return -EINVAL;
	*ret = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static int describe(X509 *cert, struct x509_info *ret)
{
	struct x509_info info = {0};
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const ASN1_OCTET_STRING *subject = X509_get0_subject_key_id(cert);
	const ASN1_OCTET_STRING *issuer = X509_get0_authority_key_id(cert);

	to_hex(ASN1_STRING_get0_data(serial), ASN1_STRING_length(serial), info.serial);
	if (subject)
		to_hex(ASN1_STRING_get0_data(subject), ASN1_STRING_length(subject),
			info.subject_id);
	if (issuer)
		to_hex(ASN1_STRING_get0_data(issuer), ASN1_STRING_length(issuer), info.issuer_id);
	if (to_wall_ms(X509_get0_notBefore(cert), &info.not_before_ms) < 0 ||
		to_wall_ms(X509_get0_notAfter(cert), &info.not_after_ms) < 0)
		return -EINVAL;
	*ret = info;
	return 0;
}

int x509_check(
	const struct x509_pair *pair, const char *host, struct x509_info *ret, struct err *err)
{
	_cleanup_cert_ X509 *cert = read_cert(pair->chain_pem);
	if (!cert)
		return openssl_err(err, "the certificate cannot be read");
	_cleanup_key_ EVP_PKEY *key = read_key(pair->key_pem);
	if (!key)
		return openssl_err(err, "the key cannot be read");
	if (X509_check_private_key(cert, key) != 1) {
		ERR_clear_error();
		return err_set(err, EINVAL, "the key is not the key of the certificate");
	}
	/* A wildcard covers itself: OpenSSL compares it with what a visitor asks for. */
	_cleanup_free_ char *asked = host && has_prefix(host, "*.") ? xasprintf("a%s", host + 1)
				     : host			    ? xstrdup(host)
								    : NULL;
	if (asked && X509_check_host(cert, asked, 0, 0, NULL) != 1)
		return err_set(err, EINVAL, "the certificate does not cover %s", host);
	if (describe(cert, ret) < 0)
		return err_set(err, EINVAL, "the certificate has no readable dates");
	return 0;
}

/* Each certificate of the text must be signed by the next. */
static int check_links(const char *chain_pem, struct err *err)
{
	_cleanup_bio_ BIO *bio = BIO_new_mem_buf(chain_pem, -1);
	_cleanup_cert_ X509 *last = NULL;
	unsigned count = 0;

	while (bio && count++ < CHAIN_MAX) {
		X509 *next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
		if (!next)
			break;
		bool ok = !last || (X509_check_issued(next, last) == X509_V_OK &&
					   X509_verify(last, X509_get0_pubkey(next)) == 1);
		X509_free(last);
		last = next;
		if (!ok) {
			ERR_clear_error();
			return err_set(err, EINVAL,
				"the certificates of the chain are not each signed by the next");
		}
	}
	/* The end of a text is "no start line"; anything else is a certificate that is cut. */
	unsigned long reason = ERR_peek_last_error();
	ERR_clear_error();
	if (!last || count > CHAIN_MAX || ERR_GET_REASON(reason) != PEM_R_NO_START_LINE)
		return err_set(err, EINVAL, "the certificate chain is cut or too long");
	return 0;
}

int x509_check_chain(const struct x509_pair *pair, const char *host, int64_t now_ms,
	struct x509_info *ret, struct err *err)
{
	struct x509_info info;
	int r = x509_check(pair, host, &info, err);

	if (r == 0)
		r = check_links(pair->chain_pem, err);
	if (r < 0)
		return r;
	/* A clock that is a little late must not refuse what is fresh. */
	if (now_ms >= info.not_after_ms || now_ms < info.not_before_ms - BACKDATE_SECONDS * 1000)
		return err_set(err, EINVAL,
			"the certificate is not valid now: look at the clock of this host");
	*ret = info;
	return 0;
}

int64_t x509_due_ms(const struct x509_info *info)
{
	int64_t lifetime = info->not_after_ms - info->not_before_ms;

	return info->not_after_ms - (lifetime < SHORT_LIFETIME_MS ? lifetime / 2 : lifetime / 3);
}

bool x509_is_due(const struct x509_info *info, int64_t now_ms)
{
	return now_ms < info->not_before_ms || now_ms >= x509_due_ms(info);
}
