/* SPDX-License-Identifier: Apache-2.0
 *
 * From live releases to the proxy's route table. Pure: the store and the runtime are asked before.
 */
#ifndef BERTH_AGENT_DEPLOY_TABLE_H
#define BERTH_AGENT_DEPLOY_TABLE_H

#include "agent/runtime/runtime.h"
#include "builders/plan.h"
#include "lib/ipc/routes.h"

/* An app with its live release. Everything is borrowed for the call. */
struct table_app {
	const char *name;
	unsigned release, code_release;
	const struct plan *plan;
	const char *const *hosts; /* the default one first; no other app has any of them */
	size_t host_count;
	const char *const *addresses; /* of the instances that answer requests */
	size_t address_count;
};

/* The process of a plan that requests go to: "web", else the first that listens; NULL: none. */
const struct plan_process *table_web_process(const struct plan *plan);

/* Static prefixes first, everything else to the instances. An app with nothing to route is left
 * out. The table is for edge_publish(), which completes and checks it. */
int table_build(const struct runtime_paths *paths, const struct table_app *apps, size_t count,
	struct routes **ret, struct err *err);

#endif
