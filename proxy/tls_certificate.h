/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the two TLS files: what a certificate is made of.
 */
#ifndef BERTH_PROXY_TLS_CERTIFICATE_H
#define BERTH_PROXY_TLS_CERTIFICATE_H

#include <openssl/ssl.h>

#include "proxy/tls.h"

/* Lends the context whose chain and key a handshake uses. */
SSL_CTX *tls_certificate_context(const struct tls_certificate *c);

/* What OpenSSL reads from the certificate's context once a handshake has switched to it, and so
 * must be set in every context: ALPN and the name that sessions are bound to. 0 or -EINVAL. */
int tls_prepare_context(SSL_CTX *c);

/* The newest error of OpenSSL's queue as words; empties the queue. */
void tls_error_text(char *to, size_t size);

#endif
