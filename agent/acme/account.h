/* SPDX-License-Identifier: Apache-2.0
 *
 * struct account: who we are to one CA. Lives in a folder of its own:
 *
 *	account.key	P-256, 0600; written before the CA hears of it
 *	account.url	what the CA calls the account, once it has said so
 *
 * A CA knows an account by its key, so asking for one again never makes a second (RFC 8555 §7.3.1).
 */
#ifndef BERTH_ACME_ACCOUNT_H
#define BERTH_ACME_ACCOUNT_H

#include "agent/acme/client.h"

struct account_options {
	const char *dir;
	const char *email; /* NULL: none is told */
	bool agrees_terms;
	const char *eab_kid, *eab_key_file; /* external account (RFC 8555 §7.3.4); NULL: none */
};

/* Reads the key, or makes one. One that cannot be read is put aside. */
int account_load_key(const struct account_options *o, EVP_PKEY **ret, struct err *err);

/* Sets c->account_url: as it is known, else by asking the CA. */
int account_open(struct acme_client *c, const struct account_options *o, struct err *err);

/* The CA does not know the account any more: the next account_open() asks. */
int account_forget(struct acme_client *c, const struct account_options *o, struct err *err);

#endif
