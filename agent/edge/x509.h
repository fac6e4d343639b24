/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and certificates as PEM text: making a root and leaves of it, and checking that a chain, a
 * key and a host name belong together. The only file of the agent's edge that knows OpenSSL; it
 * reads and writes no files.
 */
#ifndef BERTH_AGENT_X509_H
#define BERTH_AGENT_X509_H

#include <stdbool.h>

#include "lib/base/err.h"

#define X509_ID_MAX 41 /* hexadecimal of up to 20 bytes, and its NUL */
#define X509_PEM_MAX (64u << 10)

struct x509_info {
	char serial[X509_ID_MAX];
	char subject_id[X509_ID_MAX]; /* subject key identifier, "" when absent */
	char issuer_id[X509_ID_MAX]; /* authority key identifier, "" when absent */
	int64_t not_before_ms, not_after_ms; /* wall clock */
};

/* A fresh ECDSA P-256 key; the text is the caller's. */
int x509_make_key(char **ret_key_pem, struct err *err);

/* A root of that name for that key, valid for `days` from an hour ago. */
int x509_make_root(
	const char *name, const char *key_pem, unsigned days, char **ret_pem, struct err *err);

struct x509_pair {
	char *chain_pem; /* leaf first */
	char *key_pem;
};

void x509_pair_clear(struct x509_pair *p);

/* A fresh key and a server certificate for it, signed by `root`, for one host name. */
int x509_make_leaf(const struct x509_pair *root, const char *host, unsigned days,
	struct x509_pair *ret, struct err *err);

/* Parses the chain's first certificate. The key must be its key; `host` (may be NULL) must be
 * covered by it. Dates are not judged here. */
int x509_check(
	const struct x509_pair *pair, const char *host, struct x509_info *ret, struct err *err);

/* The same, and: each certificate of the chain is signed by the next, and the first is valid now. */
int x509_check_chain(const struct x509_pair *pair, const char *host, int64_t now_ms,
	struct x509_info *ret, struct err *err);

/* When a third of the lifetime is left; half, when it is under ten days. */
int64_t x509_due_ms(const struct x509_info *info);
/* That late or later, or not valid yet. */
bool x509_is_due(const struct x509_info *info, int64_t now_ms);

#endif
