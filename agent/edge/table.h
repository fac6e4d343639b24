/* SPDX-License-Identifier: Apache-2.0
 *
 * What the edge adds to a route table before it is published: one site a host, the admin site, a
 * certificate for each host. Asks the issuer for what is missing or due.
 */
#ifndef BERTH_AGENT_TABLE_H
#define BERTH_AGENT_TABLE_H

#include "agent/edge/issuer.h"
#include "lib/ipc/routes.h"

struct table_needs {
	struct certs *certs;
	struct issuer *issuer;
	const char *admin_host; /* NULL: no admin site */
	const char *agent_socket;
	int64_t now_ms; /* wall clock */
};

/* Completes a table in place; doing it again to a table that was completed before is right, too.
 * A host whose certificate cannot be had is logged, and published without or with its old one: it
 * must not keep the others from changing. *ret_changed: how many certificates are new. */
int table_complete(struct routes *table, const struct table_needs *needs, unsigned *ret_changed,
	struct err *err);

/* Has any host of the table a certificate that is due or not accepted any more, or none? */
bool table_is_due(const struct routes *table, const struct table_needs *needs);

/* Removes from disk all certificates of the table's hosts that the table does not name. */
void table_prune(const struct routes *table, struct certs *certs);

#endif
