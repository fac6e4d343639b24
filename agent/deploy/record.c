/* SPDX-License-Identifier: Apache-2.0
 *
 * Storing a step of a deploy: its row, and what goes with it, in one transaction. Entering "swapping"
 * or "reverting" moves the app's pointer to its live release, and its manifest's domains.
 */
#include <errno.h>

#include "agent/deploy/publish.h"
#include "agent/deploy/release_files.h"
#include "agent/deploy/run.h"

void job_fill_row(const struct job *j, const struct deploy *d, struct deploy_row *ret)
{
	*ret = (struct deploy_row){
		.id = d->id,
		.release = d->kind == DEPLOY_PLAN ? 0 : d->release,
		.previous = d->previous,
		.source = j->source,
		.description = j->description,
		.exit = d->exit,
		.created_ms = j->created_ms,
		.ended_ms = j->ended_ms,
	};
	(void)snprintf(ret->app, sizeof ret->app, "%s", j->app);
	(void)snprintf(ret->kind, sizeof ret->kind, "%s", deploy_kind_name(d->kind));
	(void)snprintf(ret->state, sizeof ret->state, "%s", deploy_state_name(d->state));
	(void)snprintf(ret->outcome, sizeof ret->outcome, "%s", deploy_outcome_name(d->outcome));
	(void)snprintf(ret->commit, sizeof ret->commit, "%s", j->commit);
	/* Borrowed: the store only reads them. */
	ret->reason = (char *)(uintptr_t)d->reason;
	ret->hint = (char *)(uintptr_t)d->hint;
}

static int record_swap(struct job *j, const struct deploy *next, struct err *err)
{
	struct engine *e = j->engine;
	int r = 0;

	if (job_owns_release(j))
		r = store_release_set_state(e->store, j->app, next->release, RELEASE_READY, err);
	if (r == 0)
		r = store_release_set_live(e->store, j->app, next->release, err);
	return r < 0 ? r : domains_sync(e, j->app, j->plan, err);
}

static int record_revert(struct job *j, const struct deploy *next, struct err *err)
{
	struct engine *e = j->engine;
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int r = 0;

	if (job_owns_release(j))
		r = store_release_set_state(e->store, j->app, next->release, RELEASE_FAILED, err);
	if (r == 0)
		r = store_release_set_live(e->store, j->app, next->previous, err);
	if (r < 0)
		return r;
	unsigned code;
	if (next->previous > 0 &&
		release_load(&e->paths, j->app, next->previous, &plan, &code, NULL) == 0)
		r = domains_sync(e, j->app, plan, err);
	return r;
}

int job_record(struct job *j, const struct deploy *next, enum deploy_state from, struct err *err)
{
	struct store *store = j->engine->store;
	struct deploy_row row;
	bool enters = next->state != from;

	job_fill_row(j, next, &row);
	int r = store_begin(store, err);
	if (r < 0)
		return r;
	if (enters && next->state == DEPLOY_SWAPPING)
		r = record_swap(j, next, err);
	else if (enters && next->state == DEPLOY_REVERTING)
		r = record_revert(j, next, err);
	else if (enters && next->state == DEPLOY_CLEANING && next->kind != DEPLOY_PLAN &&
		 job_owns_release(j))
		r = store_release_set_state(store, j->app, next->release, RELEASE_FAILED, err);
	if (r == 0)
		r = store_deploy_update(store, &row, err);
	if (r < 0) {
		store_rollback(store);
		return r;
	}
	return store_commit(store, err);
}
