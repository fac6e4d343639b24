/* SPDX-License-Identifier: Apache-2.0
 *
 * struct acme_client: signed requests to one CA: its directory, nonces (RFC 8555 §6.5) and errors.
 * Knows neither accounts nor orders.
 */
#ifndef BERTH_ACME_CLIENT_H
#define BERTH_ACME_CLIENT_H

#include <openssl/types.h>

#include "agent/acme/document.h"
#include "agent/acme/http.h"

struct acme_client {
	struct acme_http *http;
	struct acme_directory directory;
	EVP_PKEY *key; /* the account's; borrowed */
	char *account_url; /* NULL: requests carry the public key */
	char nonce[256];
	int64_t deadline_ms; /* monotonic: when all of it must be over */
	/* Of the last failure, for whoever tells of it. */
	struct acme_problem problem;
	int64_t retry_after_s;
};

/* Reads the directory. */
int acme_client_open(
	struct acme_client *c, const char *directory_url, const char *ca_file, struct err *err);
void acme_client_release(struct acme_client *c);

/* A signed POST; an empty payload is POST-as-GET. Again with the fresh nonce while the CA says
 * badNonce, at most ten times. 0: a 2xx. -EPROTO: the CA refused, c->problem has its type and err
 * its words. Another errno: no answer. */
int acme_client_post(struct acme_client *c, const char *url, const char *payload,
	struct acme_answer *ret, struct err *err);

/* Waits as the answer asks, at least a second; -ETIME when that would be past the deadline. */
int acme_client_wait(const struct acme_client *c, const struct acme_answer *last, struct err *err);

#endif
