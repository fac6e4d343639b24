/* SPDX-License-Identifier: Apache-2.0
 *
 * Which site a host name belongs to and which of its routes takes a path. Pure.
 */
#ifndef BERTH_PROXY_ROUTER_H
#define BERTH_PROXY_ROUTER_H

#include "lib/base/map.h"
#include "lib/ipc/routes.h"

struct router {
	struct map hosts; /* name or "*.name" to struct site; borrows the table */
};

void router_init(struct router *r, const struct routes *routes);
void router_release(struct router *r);

/* The site of a host name as a client wrote it, without port: letters of any case, a dot at the
 * end is fine. The exact name wins over "*.parent", which stands for one label. NULL: none. */
const struct site *router_site(const struct router *r, struct str host);

/* The route with the longest prefix that holds whole segments of the path; NULL: none. */
const struct route *router_route(const struct site *site, struct str path);

/* Is the path one of a host that a CA looks at just now? *ret is what it asks for, NULL when the
 * token is unknown. */
bool router_challenge(const struct routes *routes, struct str host, struct str path,
	const struct challenge **ret);

#endif
