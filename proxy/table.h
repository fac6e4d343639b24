/* SPDX-License-Identifier: Apache-2.0
 *
 * struct table: a route table made ready to serve: hosts indexed, certificates loaded, static
 * folders open, counters at hand. Built by the main thread, then immutable and shared by all
 * workers through its reference count.
 */
#ifndef BERTH_PROXY_TABLE_H
#define BERTH_PROXY_TABLE_H

#include "lib/ipc/routes.h"
#include "proxy/counters.h"
#include "proxy/router.h"
#include "proxy/tls.h"

/* What belongs to routes->sites[i]. */
struct table_site {
	struct release_counters *counters;
	struct tls_certificate *certificate; /* NULL: handshakes for it are refused */
	int *roots; /* for each route: its folder (O_PATH) or -1 */
	uint32_t *upstreams; /* for each route: its index in routes->upstreams */
};

struct table {
	unsigned refs;
	uint64_t generation; /* counts the tables of this process; the proxy sets it */
	struct routes *routes;
	struct router router;
	struct table_site *sites;
	struct tls_certificate **certificates; /* like routes->certificates; NULL where unusable */
	struct tls_certificate *default_certificate; /* borrowed from the array, or NULL */
};

enum table_mode {
	TABLE_STRICT, /* a certificate or folder that cannot be used refuses the table */
	/* At start there is no table to stay with: such a site is logged and cannot be reached,
	 * the others serve. */
	TABLE_LENIENT,
};

/* Takes `routes`, also when it fails. Certificates that `previous` (or NULL) has are reused. */
int table_build(struct routes *routes, const struct table *previous, struct counters *counters,
	enum table_mode mode, struct table **ret, struct err *err);

struct table *table_ref(struct table *t);
void table_unref(struct table *t); /* any thread; accepts NULL */

/* The certificate for a server name; the default one when no site has the name. */
struct tls_certificate *table_certificate(const struct table *t, struct str server_name);

static inline const struct table_site *table_site(const struct table *t, const struct site *site)
{
	return &t->sites[site - t->routes->sites];
}

#endif
