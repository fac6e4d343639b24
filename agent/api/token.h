/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens as text: made from random bytes, hashed, taken out of an Authorization field. Pure but for
 * the random bytes.
 */
#ifndef BERTH_AGENT_TOKEN_H
#define BERTH_AGENT_TOKEN_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#define TOKEN_SIZE 50 /* "berth_", 43 characters of base64url, NUL */
#define TOKEN_HASH_SIZE 65
#define TOKEN_ID_SIZE 17

/* 256 random bits, and an id that is independent of them. */
int token_make(char to[TOKEN_SIZE], char id[TOKEN_ID_SIZE], struct err *err);

/* SHA-256 in hexadecimal. */
void token_hash(struct str token, char to[TOKEN_HASH_SIZE]);

/* "Bearer TOKEN", or "Basic base64(anyone:TOKEN)", which is what git sends. -EINVAL: neither. */
int token_from_authorization(struct str value, char to[TOKEN_SIZE]);

#endif
