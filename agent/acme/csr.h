/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys, and the request that a certificate be made for one (PKCS #10). Pure.
 */
#ifndef BERTH_ACME_CSR_H
#define BERTH_ACME_CSR_H

#include <openssl/types.h>

#include "lib/base/err.h"

/* A fresh P-256 key and its PEM text; both are the caller's. */
int key_make(EVP_PKEY **ret, char **ret_pem, struct err *err);
EVP_PKEY *key_parse(const char *pem); /* NULL: it is none */

/* The request for one DNS name, as base64url of its DER. */
int csr_make(EVP_PKEY *key, const char *domain, char **ret, struct err *err);

#endif
