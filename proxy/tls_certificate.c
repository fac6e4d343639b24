/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates from PEM files. A certificate whose files did not change is kept across tables, so
 * that a deploy of one app among a thousand loads nothing.
 */
#include "proxy/tls_certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/stat.h>

struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct tls_certificate {
	unsigned refs;
	SSL_CTX *context;
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

/* RFC 7301 §3.2: no protocol in common is a fatal alert. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char protocols[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, protocols, sizeof protocols - 1, in, in_len) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

int tls_prepare_context(SSL_CTX *c)
{
	static const unsigned char session_context[] = "berth-proxy";

	SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
	return SSL_CTX_set_session_id_context(c, session_context, sizeof session_context - 1) == 1
		       ? 0
		       : -EINVAL;
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
	SSL_CTX_free(c->context);
	free(c->chain_path);
	free(c->key_path);
	free(c);
}

static int load_files(struct tls_certificate *c, struct err *err)
{
	char why[256];
	int r = read_stamp(c->chain_path, &c->chain_stamp);

	if (r < 0)
		return err_errno(err, -r, "chain %s", c->chain_path);
	r = read_stamp(c->key_path, &c->key_stamp);
	if (r < 0)
		return err_errno(err, -r, "key %s", c->key_path);
	if (SSL_CTX_use_certificate_chain_file(c->context, c->chain_path) != 1) {
		tls_error_text(why, sizeof why);
		return err_set(err, EINVAL, "chain %s: %s", c->chain_path, why);
	}
	if (SSL_CTX_use_PrivateKey_file(c->context, c->key_path, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_check_private_key(c->context) != 1) {
		tls_error_text(why, sizeof why);
		return err_set(err, EINVAL, "key %s: %s", c->key_path, why);
	}
	return 0;
}

int tls_certificate_load(
	const char *chain_path, const char *key_path, struct tls_certificate **ret, struct err *err)
{
	struct tls_certificate *c = xnew(struct tls_certificate);

	c->refs = 1;
	c->chain_path = xstrdup(chain_path);
	c->key_path = xstrdup(key_path);
	c->context = SSL_CTX_new(TLS_server_method());
	must(c->context && tls_prepare_context(c->context) == 0);
	int r = load_files(c, err);
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

SSL_CTX *tls_certificate_context(const struct tls_certificate *c)
{
	return c->context;
}
