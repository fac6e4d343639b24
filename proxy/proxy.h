/* SPDX-License-Identifier: Apache-2.0
 *
 * struct proxy: what the main thread owns: configuration, listening sockets, workers, the current
 * table and the counters. It serves no request itself.
 */
#ifndef BERTH_PROXY_PROXY_H
#define BERTH_PROXY_PROXY_H

#include "proxy/worker.h"

struct proxy {
	const struct config *config;
	struct ev_loop *loop;
	struct counters counters;
	struct tls_server *tls;
	struct table *table; /* the newest one */
	uint64_t generation; /* of it */
	struct worker *workers;
	ev_async adopted; /* a worker has adopted a table */
	void (*on_adopted)(struct proxy *p); /* set by the control socket */
	void *control;
	bool stopping;
};

/* Loads the table from disk, opens the listening sockets and starts the workers. A missing routes
 * file is an empty table; a broken one as well, loudly: every host is then answered with 421. */
int proxy_start(
	struct proxy *p, const struct config *config, struct ev_loop *loop, struct err *err);

/* Makes `routes` (taken) the current table, or refuses it whole. Workers adopt it a moment later:
 * proxy_adopted_generation() tells. */
int proxy_apply(struct proxy *p, struct routes *routes, struct err *err);

/* Reads the routes file again; the current table stays when it is broken. */
int proxy_reload(struct proxy *p, struct err *err);

/* All workers serve at least this generation. */
uint64_t proxy_adopted_generation(const struct proxy *p);

/* Lets requests finish; returns when all workers have ended. */
void proxy_stop(struct proxy *p);

/* Checks configuration and route table as -n does, without opening sockets. */
int proxy_check(const struct config *config, struct err *err);

#endif
