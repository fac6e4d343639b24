/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Web Signatures as ACME needs them (RFC 7515, RFC 8555 §6.2): ES256 by the account's key, HS256
 * for the binding to an external account. Pure: makes texts, knows no network and no files.
 */
#ifndef BERTH_ACME_JWS_H
#define BERTH_ACME_JWS_H

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

/* Base64url without padding (RFC 4648 §5); the text is the caller's. */
char *jws_encode(struct str bytes);
/* The other way, into `to`; padding is fine. The count of bytes, or -EINVAL. */
ssize_t jws_decode(struct str text, unsigned char *to, size_t size);

/* The public key as canonical JSON, and its thumbprint (RFC 7638); -EINVAL: no P-256 key. */
int jws_public_key(EVP_PKEY *key, char **ret_json, struct err *err);
int jws_thumbprint(EVP_PKEY *key, char **ret, struct err *err);

/* {"protected","payload","signature"} of two plain JSON texts; an empty payload is POST-as-GET. */
int jws_sign(EVP_PKEY *key, const char *header, const char *payload, char **ret, struct err *err);
int jws_sign_hmac(struct str secret, const char *header, const char *payload, char **ret);

#endif
