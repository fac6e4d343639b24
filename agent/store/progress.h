/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of the store that only the deploy engine writes: where each deploy stands, and which
 * instances were started. It is what a new agent reads to take up what a former one left.
 */
#ifndef BERTH_AGENT_STORE_PROGRESS_H
#define BERTH_AGENT_STORE_PROGRESS_H

#include "agent/store/store.h"

/* Deploys: where each stands, so that a new agent can take it up. Kinds, states and outcomes are the
 * engine's words (agent/deploy/deploy.h). */
struct deploy_row {
	uint64_t id; /* counts up over all apps */
	char app[IDENT_APP_MAX + 1];
	char kind[12], state[16], outcome[16];
	unsigned release, previous; /* what is made live, and what was; 0 unknown or none */
	char commit[IDENT_COMMIT_LEN + 1];
	char *source, *description;
	int exit;
	char *reason, *hint;
	int64_t created_ms, ended_ms; /* ended: when its end was told, 0 not yet */
};

void deploy_row_clear(struct deploy_row *d);
void deploy_rows_free(struct deploy_row *rows, size_t count);
int store_deploy_add(
	struct store *s, const struct deploy_row *d, uint64_t *ret_id, struct err *err);
/* Writes what changes in a deploy's life: state to ended_ms, without app, kind and source. */
int store_deploy_update(struct store *s, const struct deploy_row *d, struct err *err);
int store_deploy_get(struct store *s, uint64_t id, struct deploy_row *ret, struct err *err);
/* Newest first. */
int store_deploy_list(struct store *s, const char *app, struct deploy_row **ret, size_t *ret_count,
	struct err *err);
/* Oldest first: those whose state is another than the final one. */
int store_deploy_list_unfinished(struct store *s, const char *final_state, struct deploy_row **ret,
	size_t *ret_count, struct err *err);
int store_deploy_remove(struct store *s, uint64_t id, struct err *err);

/* Instances: written before one is started, removed when it is seen to be gone. */
struct instance_row {
	char app[IDENT_APP_MAX + 1];
	char process[IDENT_PROCESS_MAX + 1];
	unsigned release, index;
	unsigned port; /* loopback TCP port, 0: none */
};

/* -EEXIST: the port is another's. */
int store_instance_put(struct store *s, const struct instance_row *i, struct err *err);
int store_instance_remove(struct store *s, const struct instance_row *i, struct err *err);
/* app NULL: all. */
int store_instance_list(struct store *s, const char *app, struct instance_row **ret,
	size_t *ret_count, struct err *err);

#endif
