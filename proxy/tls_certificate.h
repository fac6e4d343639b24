/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the two TLS files: what a certificate is made of.
 */
#ifndef BERTH_PROXY_TLS_CERTIFICATE_H
#define BERTH_PROXY_TLS_CERTIFICATE_H

#include <openssl/ssl.h>

#include "proxy/tls.h"

/* Makes it the one that a handshake shows. 0 or -EINVAL. */
int tls_certificate_use(const struct tls_certificate *c, SSL *ssl);

/* The newest error of OpenSSL's queue as words; empties the queue. */
void tls_error_text(char *to, size_t size);

#endif
