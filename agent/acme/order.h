/* SPDX-License-Identifier: Apache-2.0
 *
 * One order, from newOrder to the certificate (RFC 8555 §7.4), blocking. Who serves the challenge
 * is told through a callback.
 */
#ifndef BERTH_ACME_ORDER_H
#define BERTH_ACME_ORDER_H

#include "agent/acme/account.h"

struct order_request {
	const char *domain;
	const struct account_options *account;
	/* Returns 0 when visitors of `host` get `answer` under `token`. */
	int (*publish)(void *data, const char *host, const char *token, const char *answer,
		struct err *err);
	void *data;
};

struct order_result {
	char *chain_pem, *key_pem;
	bool is_validation; /* of a failure: the CA looked, and did not find what it asked for */
};

void order_result_release(struct order_result *r);

int order_run(struct acme_client *c, const struct order_request *request, struct order_result *ret,
	struct err *err);

#endif
