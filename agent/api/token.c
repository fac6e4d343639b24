/* SPDX-License-Identifier: Apache-2.0
 *
 * The only file of the API that knows OpenSSL: SHA-256, base64 and random bytes.
 */
#include "agent/api/token.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

#define SECRET_BYTES 32
#define PREFIX "berth_"
#define CREDENTIALS_MAX 256 /* base64 of "user:TOKEN" */

static void to_hex(const unsigned char *bytes, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

int token_make(char to[TOKEN_SIZE], char id[TOKEN_ID_SIZE], struct err *err)
{
	unsigned char secret[SECRET_BYTES], name[(TOKEN_ID_SIZE - 1) / 2], text[48];

	if (RAND_bytes(secret, sizeof secret) != 1 || RAND_bytes(name, sizeof name) != 1)
		return err_set(err, EIO, "no random bytes for a token");
	int n = EVP_EncodeBlock(text, secret, sizeof secret);
	must(n == 44 && text[43] == '=');
	for (int i = 0; i < 43; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	(void)snprintf(to, TOKEN_SIZE, PREFIX "%.43s", (const char *)text);
	to_hex(name, sizeof name, id);
	return 0;
}

void token_hash(struct str token, char to[TOKEN_HASH_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(EVP_Digest(token.p, token.len, digest, &n, EVP_sha256(), NULL) == 1 && n == 32);
	to_hex(digest, n, to);
}

static bool is_token(struct str s)
{
	if (s.len != TOKEN_SIZE - 1 || !str_starts(s, STR(PREFIX)))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
			    s.p[i]) ||
			s.p[i] == '\0')
			return false;
	return true;
}

/* "user:password" out of base64; the token is the password, or the user when there is none. */
static int from_basic(struct str credentials, char to[TOKEN_SIZE])
{
	unsigned char text[CREDENTIALS_MAX];

	if (credentials.len == 0 || credentials.len % 4 != 0 || credentials.len > CREDENTIALS_MAX)
		return -EINVAL;
	int n = EVP_DecodeBlock(text, (const unsigned char *)credentials.p, (int)credentials.len);
	if (n < 0)
		return -EINVAL;
	/* The padding is counted as zero bytes. */
	while (n > 0 && text[n - 1] == '\0')
		n--;
	struct str rest = {(const char *)text, (size_t)n};
	const char *colon = memchr(rest.p, ':', rest.len);
	if (!colon)
		return -EINVAL;
	struct str user = {rest.p, (size_t)(colon - rest.p)};
	struct str password = {colon + 1, rest.len - user.len - 1};
	struct str token = password.len > 0 ? password : user;
	return is_token(token) ? str_copy(to, TOKEN_SIZE, token) : -EINVAL;
}

int token_from_authorization(struct str value, char to[TOKEN_SIZE])
{
	const char *space = memchr(value.p ? value.p : "", ' ', value.len);
	if (!space)
		return -EINVAL;
	struct str scheme = {value.p, (size_t)(space - value.p)};
	struct str rest = str_trim((struct str){space, value.len - scheme.len});
	if (str_ieq(scheme, STR("basic")))
		return from_basic(rest, to);
	if (!str_ieq(scheme, STR("bearer")) || !is_token(rest))
		return -EINVAL;
	return str_copy(to, TOKEN_SIZE, rest);
}
