/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates from PEM files. A certificate whose files did not change is kept across tables, so
 * that a deploy of one app among a thousand loads nothing.
 */
#include "proxy/tls_certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

/* Only the parsed files: a context of OpenSSL's own for each would cost a thousand sites 20 MB and
 * seconds at the start. */
struct tls_certificate {
	unsigned refs;
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;
	char *chain_path, *key_path;
	struct stamp chain_stamp, key_stamp;
};

void tls_error_text(char *to, size_t size)
{
	unsigned long code = ERR_peek_last_error();

	const char *reason = ERR_reason_error_string(code);

	if (!reason || str_copy(to, size, str_from(reason)) < 0)
		ERR_error_string_n(code, to, size);
	ERR_clear_error();
}

static int read_stamp(const char *path, struct stamp *ret)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	/* Field by field into zeroes: stamps are compared as bytes. */
	memset(ret, 0, sizeof *ret);
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	ret->size = st.st_size;
	ret->modified = st.st_mtim;
	ret->changed = st.st_ctim;
	return 0;
}

static void certificate_free(struct tls_certificate *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
	free(c->chain_path);
	free(c->key_path);
	free(c);
}

static void bio_freep(BIO **b)
{
	BIO_free_all(*b);
}

/* A key with a password is of no use to a server: nobody is there to be asked. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
static int on_password(char *to, int size, int writing, void *arg)
{
	(void)to;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int complain(struct err *err, const char *what, const char *path)
{
	char why[256];

	tls_error_text(why, sizeof why);
	return err_set(err, EINVAL, "%s %s: %s", what, path, why);
}

static int load_chain(struct tls_certificate *c, struct err *err)
{
	_cleanup_(bio_freep) BIO *file = BIO_new_file(c->chain_path, "r");
	X509 *next;

	c->leaf = file ? PEM_read_bio_X509(file, NULL, on_password, NULL) : NULL;
	if (!c->leaf)
		return complain(err, "chain", c->chain_path);
	c->chain = sk_X509_new_null();
	must(c->chain);
	while ((next = PEM_read_bio_X509(file, NULL, on_password, NULL)) != NULL)
		must(sk_X509_push(c->chain, next) > 0);
	/* The end of the file is an error to OpenSSL, a broken block as well. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return complain(err, "chain", c->chain_path);
	ERR_clear_error();
	return 0;
}

static int load_key(struct tls_certificate *c, struct err *err)
{
	_cleanup_(bio_freep) BIO *file = BIO_new_file(c->key_path, "r");

	c->key = file ? PEM_read_bio_PrivateKey(file, NULL, on_password, NULL) : NULL;
	if (!c->key || X509_check_private_key(c->leaf, c->key) != 1)
		return complain(err, "key", c->key_path);
	return 0;
}

static int load_files(struct tls_certificate *c, struct err *err)
{
	int r = read_stamp(c->chain_path, &c->chain_stamp);

	if (r < 0)
		return err_errno(err, -r, "chain %s", c->chain_path);
	r = read_stamp(c->key_path, &c->key_stamp);
	if (r < 0)
		return err_errno(err, -r, "key %s", c->key_path);
	r = load_chain(c, err);
	return r < 0 ? r : load_key(c, err);
}

struct tls_loader {
	SSL_CTX *trial;
};

struct tls_loader *tls_loader_new(void)
{
	struct tls_loader *l = xnew(struct tls_loader);

	l->trial = SSL_CTX_new(TLS_server_method());
	must(l->trial);
	return l;
}

void tls_loader_free(struct tls_loader *l)
{
	if (!l)
		return;
	SSL_CTX_free(l->trial);
	free(l);
}

int tls_certificate_load(struct tls_loader *loader, const char *chain_path, const char *key_path,
	struct tls_certificate **ret, struct err *err)
{
	struct tls_certificate *c = xnew(struct tls_certificate);

	c->refs = 1;
	c->chain_path = xstrdup(chain_path);
	c->key_path = xstrdup(key_path);
	int r = load_files(c, err);
	/* What a handshake would refuse, a key that is too short for example, is refused now. */
	if (r == 0 && SSL_CTX_use_cert_and_key(loader->trial, c->leaf, c->key, c->chain, 1) != 1)
		r = complain(err, "certificate", chain_path);
	if (r < 0) {
		certificate_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct tls_certificate *tls_certificate_ref(struct tls_certificate *c)
{
	(void)__atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void tls_certificate_unref(struct tls_certificate *c)
{
	if (c && __atomic_fetch_sub(&c->refs, 1, __ATOMIC_ACQ_REL) == 1)
		certificate_free(c);
}

bool tls_certificate_is_current(
	const struct tls_certificate *c, const char *chain_path, const char *key_path)
{
	struct stamp now;

	return streq(c->chain_path, chain_path) && streq(c->key_path, key_path) &&
	       read_stamp(chain_path, &now) == 0 &&
	       memcmp(&now, &c->chain_stamp, sizeof now) == 0 && read_stamp(key_path, &now) == 0 &&
	       memcmp(&now, &c->key_stamp, sizeof now) == 0;
}

int tls_certificate_use(const struct tls_certificate *c, SSL *ssl)
{
	if (SSL_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) == 1)
		return 0;
	ERR_clear_error();
	return -EINVAL;
}
