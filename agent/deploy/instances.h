/* SPDX-License-Identifier: Apache-2.0
 *
 * The instances that the engine asked for and that are not known to be gone: in memory and in the
 * store, with their ports. Private to agent/deploy.
 */
#ifndef BERTH_AGENT_INSTANCES_H
#define BERTH_AGENT_INSTANCES_H

#include "agent/deploy/run.h"

/* An instance that was asked for and is not known to be gone. */
struct instance {
	struct list link;
	struct instance_spec spec;
	struct instance_status status;
	bool known; /* the runtime has said something about it */
	bool stopping;
};

struct instance *instance_find(struct engine *e, const struct instance_id *id);
int instances_start(struct engine *e, const char *app, unsigned release, unsigned code_release,
	const struct plan *plan, struct err *err);
/* Asks for the end of all of a release; true when none is left already. */
bool instances_stop(struct engine *e, const char *app, unsigned release);
bool instances_exist(struct engine *e, const char *app, unsigned release);
int instances_load(struct engine *e, struct err *err); /* from the store */
void instances_forget(struct engine *e, const char *app, unsigned release);
void instances_free(struct engine *e);
void instances_on_change(void *data, const struct instance_status *status);
void instances_on_stopped(void *data, const struct instance_id *id);

#endif
