/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS 1.2 and 1.3 on the server side. OpenSSL's error queue is a thread's: every failing call
 * empties it, so that it is empty before the next one.
 */
#include "proxy/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/base/ident.h"
#include "proxy/tls_certificate.h"

/* Forward secrecy and authenticated encryption only; AES-128 first, it is the cheapest. */
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
#define CIPHERS_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* One TLS record: a larger write is not cheaper. */
#define RECORD_BYTES_MAX 16384

struct tls_server {
	SSL_CTX *context;
	tls_choose_fn *choose;
};

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *t = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_certificate *c =
		t->choose(SSL_get_app_data(ssl), name ? str_from(name) : STR(""));

	if (!c) {
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (tls_certificate_use(c, ssl) < 0) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
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

static void set_options(SSL_CTX *c)
{
	(void)SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_PRIORITIZE_CHACHA |
					     SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* Released buffers are what makes an idle connection small; reading ahead saves a read
	 * for each record. */
	(void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(c, 1);
	/* Sessions live in tickets, not in our memory. */
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(c, 1);
}

struct tls_server *tls_server_new(tls_choose_fn *choose, struct err *err)
{
	static const unsigned char session_context[] = "berth-proxy";
	struct tls_server *t = xnew(struct tls_server);
	char why[256];

	t->choose = choose;
	t->context = SSL_CTX_new(TLS_server_method());
	must(t->context);
	set_options(t->context);
	if (SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(t->context, CIPHERS_12) != 1 ||
		SSL_CTX_set_ciphersuites(t->context, CIPHERS_13) != 1 ||
		SSL_CTX_set_session_id_context(
			t->context, session_context, sizeof session_context - 1) != 1) {
		tls_error_text(why, sizeof why);
		tls_server_free(t);
		(void)err_set(err, EINVAL, "OpenSSL refuses its settings: %s", why);
		return NULL;
	}
	SSL_CTX_set_tlsext_servername_callback(t->context, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(t->context, t);
	SSL_CTX_set_alpn_select_cb(t->context, on_alpn, NULL);
	return t;
}

void tls_server_free(struct tls_server *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->context);
	free(t);
}

/* The result of a failed call as -errno. */
static int classify(struct stream *s, int result)
{
	int saved = errno;

	switch (SSL_get_error(s->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		s->wants_write = false;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		s->wants_write = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return saved ? -saved : -ECONNRESET;
	default:
		return -EPROTO;
	}
}

int tls_handshake(struct stream *s, bool *ret_plain_http)
{
	errno = 0;
	int r = SSL_accept(s->ssl);
	if (r == 1)
		return 0;
	r = classify(s, r);
	if (r == -EAGAIN)
		return r;
	*ret_plain_http = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
	ERR_clear_error();
	return -EPROTO;
}

static ssize_t tls_read(struct stream *s, void *to, size_t n)
{
	size_t got;

	errno = 0;
	if (SSL_read_ex(s->ssl, to, n, &got) == 1)
		return (ssize_t)got;
	int r = classify(s, 0);
	ERR_clear_error();
	return r;
}

/* The pieces that fit are joined into one record: a head and its body are one packet. */
static ssize_t tls_writev(struct stream *s, const struct iovec *iov, int n)
{
	char joined[RECORD_BYTES_MAX];
	const void *data = iov[0].iov_base;
	size_t len = iov[0].iov_len, written;

	if (n > 1 && len < sizeof joined) {
		len = 0;
		for (int i = 0; i < n && len < sizeof joined; i++) {
			size_t k = iov[i].iov_len < sizeof joined - len ? iov[i].iov_len
									: sizeof joined - len;
			memcpy(joined + len, iov[i].iov_base, k);
			len += k;
		}
		data = joined;
	}
	if (len == 0)
		return 0;
	errno = 0;
	if (SSL_write_ex(s->ssl, data, len, &written) == 1)
		return (ssize_t)written;
	int r = classify(s, 0);
	ERR_clear_error();
	return r == 0 ? -EPIPE : r;
}

static void tls_finish(struct stream *s)
{
	(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
}

static void tls_release(struct stream *s)
{
	SSL_free(s->ssl);
	s->ssl = NULL;
}

static bool tls_has_pending(const struct stream *s)
{
	return SSL_has_pending(s->ssl) == 1;
}

static const struct stream_ops tls_ops = {
	.read = tls_read,
	.writev = tls_writev,
	.finish = tls_finish,
	.release = tls_release,
	.has_pending = tls_has_pending,
};

int stream_init_tls(struct stream *s, int fd, struct tls_server *t, void *arg)
{
	*s = (struct stream){.ops = &tls_ops, .fd = fd, .ssl = SSL_new(t->context)};
	if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1) {
		ERR_clear_error();
		return -ENOMEM;
	}
	SSL_set_app_data(s->ssl, arg);
	SSL_set_accept_state(s->ssl);
	return 0;
}

struct str tls_server_name(const struct stream *s)
{
	const char *name = s->ssl ? SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
	return name ? str_from(name) : STR("");
}

bool tls_covers(const struct stream *s, struct str host)
{
	char name[IDENT_DOMAIN_MAX + 1];
	X509 *leaf = s->ssl ? SSL_get_certificate(s->ssl) : NULL;

	return leaf && str_copy(name, sizeof name, host) == 0 &&
	       X509_check_host(leaf, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}
