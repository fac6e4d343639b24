/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS for client connections: certificates, the server context, and the TLS kind of struct stream.
 * The one place, with tls_certificate.c, that knows OpenSSL.
 */
#ifndef BERTH_PROXY_TLS_H
#define BERTH_PROXY_TLS_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "proxy/stream.h"

/* A chain and its key, loaded and found to belong together. Immutable, reference-counted by any
 * thread. */
struct tls_certificate;

/* What loading many of them shares; of one thread. */
struct tls_loader;
struct tls_loader *tls_loader_new(void);
void tls_loader_free(struct tls_loader *l); /* accepts NULL */

int tls_certificate_load(struct tls_loader *loader, const char *chain_path, const char *key_path,
	struct tls_certificate **ret, struct err *err);
struct tls_certificate *tls_certificate_ref(struct tls_certificate *c);
void tls_certificate_unref(struct tls_certificate *c); /* accepts NULL */

/* Was it loaded from these files, and are they still the same files with the same content? */
bool tls_certificate_is_current(
	const struct tls_certificate *c, const char *chain_path, const char *key_path);

/* Chooses the certificate of a handshake; the name is empty when the client sent none. NULL
 * refuses the handshake. The result is borrowed and must live until the function returns to the
 * event loop. */
typedef struct tls_certificate *tls_choose_fn(void *arg, struct str server_name);

/* What all handshakes share: versions, ciphers, ticket keys. Tickets survive table changes. */
struct tls_server;

struct tls_server *tls_server_new(tls_choose_fn *choose, struct err *err);
void tls_server_free(struct tls_server *t);

/* A TLS stream over a connected, non-blocking socket, which it takes. `arg` goes to choose(). */
int stream_init_tls(struct stream *s, int fd, struct tls_server *t, void *arg);

/* 0 when the handshake is done, -EAGAIN, or -EPROTO: the connection is of no use.
 * *ret_plain_http: the client spoke plain HTTP on this port. */
int tls_handshake(struct stream *s, bool *ret_plain_http);

/* The server name that the client sent; empty when none. Borrowed from the stream. */
struct str tls_server_name(const struct stream *s);

/* Does the certificate that this connection was shown cover the host name? */
bool tls_covers(const struct stream *s, struct str host);

#endif
