/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's face: made, asked for deploys, freed. What a deploy does is in run.c and work_*.c.
 */
#include "agent/deploy/engine.h"

#include <errno.h>

#include "agent/deploy/instances.h"
#include "agent/deploy/janitor.h"
#include "agent/deploy/publish.h"
#include "agent/deploy/run.h"
#include "agent/deploy/work.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

static const char *dup_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void copy_config(struct engine *e, const struct engine_config *from)
{
	e->config = *from;
	e->config.paths = &e->paths;
	e->config.build_env_path = dup_or_null(from->build_env_path);
	e->config.base_domain = xstrdup(from->base_domain ? from->base_domain : "localhost");
	e->config.admin_host = dup_or_null(from->admin_host);
	e->config.test_stop_at = dup_or_null(from->test_stop_at);
	e->paths = (struct runtime_paths){
		.state = xstrdup(from->paths->state),
		.run = xstrdup(from->paths->run),
		.programs = xstrdup(from->paths->programs),
	};
}

static void free_const(const char *text)
{
	free((void *)(uintptr_t)text);
}

struct engine *engine_new(struct ev_loop *loop, const struct engine_config *config,
	struct store *store, struct edge *edge, struct err *err)
{
	if (config->port_min == 0 || config->port_min > config->port_max ||
		config->port_max > 65535) {
		(void)err_set(err, EINVAL, "the port range %u-%u of instances is not one",
			config->port_min, config->port_max);
		return NULL;
	}
	struct engine *e = xnew(struct engine);
	e->loop = loop;
	e->store = store;
	e->edge = edge;
	copy_config(e, config);
	list_init(&e->jobs);
	list_init(&e->posted);
	list_init(&e->tickets);
	list_init(&e->subscriptions);
	list_init(&e->instances);
	map_init(&e->lives);
	ports_init(&e->ports, config->port_min, config->port_max);
	e->janitor = janitor_new();
	ev_init(&e->soon, on_engine_soon);
	ev_init(&e->republish, on_republish);
	ev_init(&e->start_again, on_start_again);
	e->callbacks = (struct runtime_callbacks){
		.on_task_line = work_on_task_line,
		.on_task_done = work_on_task_done,
		.on_instance_change = instances_on_change,
		.on_instance_stopped = instances_on_stopped,
		.data = e,
	};
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	ev_timer_stop(e->loop, &e->soon);
	ev_timer_stop(e->loop, &e->republish);
	ev_timer_stop(e->loop, &e->start_again);
	subscriptions_free(e);
	list_for_each_safe (it, &e->jobs)
		job_free(container_of(it, struct job, link));
	posted_free(e);
	tickets_free(e);
	instances_free(e);
	lives_free(e);
	janitor_free(e->janitor);
	free_const(e->config.build_env_path);
	free_const(e->config.base_domain);
	free_const(e->config.admin_host);
	free_const(e->config.test_stop_at);
	free_const(e->paths.state);
	free_const(e->paths.run);
	free_const(e->paths.programs);
	free(e);
}

const struct runtime_callbacks *engine_runtime_callbacks(struct engine *e)
{
	return &e->callbacks;
}

static bool is_anything_under_way(struct engine *e, const char *app)
{
	list_for_each (it, &e->jobs) {
		const struct job *j = container_of(it, struct job, link);
		if (streq(j->app, app) && j->deploy.kind != DEPLOY_PLAN &&
			j->deploy.state < DEPLOY_GUARDING)
			return true;
	}
	return false;
}

/* What can be refused at once; its turn may find things changed and says so then. */
static int check_rollback(struct engine *e, const struct deploy_request *r, struct err *err)
{
	_cleanup_(release_row_clear) struct release_row row = {0};
	const struct live *live = live_get(e, r->app);

	if (r->release == 0) {
		int failed = store_release_previous(e->store, r->app, &row, err);
		return failed == -ENOENT && is_anything_under_way(e, r->app) ? 0 : failed;
	}
	int failed = store_release_get(e->store, r->app, r->release, &row, err);
	if (failed < 0)
		return failed;
	if (row.state == RELEASE_PRUNED)
		return err_set(err, ENOENT,
			"release v%u is no longer kept; deploy its commit again", r->release);
	if (row.state != RELEASE_READY)
		return err_set(err, ENOENT,
			"release v%u never worked; there is nothing to go back to", r->release);
	if (live && live->release == r->release && !is_anything_under_way(e, r->app))
		return err_set(err, EEXIST, "release v%u is live already", r->release);
	return 0;
}

static int check_request(struct engine *e, const struct deploy_request *r, struct err *err)
{
	struct app_row app;
	unsigned queued = 0;
	int failed = store_app_get(e->store, r->app, &app, err);

	if (failed < 0)
		return failed;
	list_for_each (it, &e->jobs)
		if (container_of(it, struct job, link)->deploy.state == DEPLOY_QUEUED)
			queued++;
	if (queued >= QUEUE_MAX)
		return err_set(
			err, EBUSY, "%u deploys are waiting already; try again later", queued);
	switch (r->kind) {
	case DEPLOY_COMMIT:
	case DEPLOY_PLAN:
		if (!r->commit || !ident_is_commit(r->commit))
			return err_set(err, ENOENT, "a commit is named by 40 hexadecimal digits");
		return 0;
	case DEPLOY_ROLLBACK:
		return check_rollback(e, r, err);
	case DEPLOY_ENV:
		if (!live_get(e, r->app) && !is_anything_under_way(e, r->app))
			return err_set(err, ENODATA, "%s has no live release yet; deploy it first",
				r->app);
		return 0;
	}
	return err_set(err, EINVAL, "no such kind of deploy");
}

static int add_row(struct job *j, struct err *err)
{
	struct engine *e = j->engine;
	_cleanup_free_ char *folder = xasprintf("%s/apps/%s/deploys", e->paths.state, j->app);
	struct deploy_row row;
	struct err unwritten;

	job_fill_row(j, &j->deploy, &row);
	int r = store_deploy_add(e->store, &row, &j->deploy.id, err);
	/* Without the folder the events stay in memory: the deploy itself will say what is wrong. */
	if (r == 0 && file_make_dirs(folder, 0755, &unwritten) < 0)
		log_warn("deploy.log", "error=%s", unwritten.msg);
	return r;
}

/* A change of environment that was waiting is in the newer deploy too: it takes the env of now. */
static void supersede(struct job *newer)
{
	list_for_each (it, &newer->engine->jobs) {
		struct job *j = container_of(it, struct job, link);
		if (j != newer && j->deploy.state == DEPLOY_QUEUED && streq(j->app, newer->app) &&
			j->deploy.kind != DEPLOY_PLAN)
			job_post(j, DEPLOY_EVENT_SUPERSEDE);
	}
}

int engine_deploy(
	struct engine *e, const struct deploy_request *r, uint64_t *ret_id, struct err *err)
{
	int failed = check_request(e, r, err);

	if (failed < 0)
		return failed;
	struct job *j = job_new(e, r->app, r->kind);
	copy_name(j->commit, sizeof j->commit, r->commit ? r->commit : "");
	j->source = r->source ? xstrdup(r->source) : NULL;
	j->description = r->description ? xstrdup(r->description) : NULL;
	j->wanted = r->kind == DEPLOY_ROLLBACK ? r->release : 0;
	j->created_ms = clock_wall_ms();
	failed = add_row(j, err);
	if (failed < 0) {
		job_free(j);
		return failed;
	}
	*ret_id = j->deploy.id;
	job_open_log(j);
	engine_test_stop(e, DEPLOY_QUEUED, "");
	job_emit(j, json_pack("{s:s, s:s}", "type", "state", "state", "queued"));
	if (r->kind != DEPLOY_PLAN)
		supersede(j);
	engine_wake(e);
	return 0;
}

int engine_cancel(struct engine *e, uint64_t id, struct err *err)
{
	_cleanup_(deploy_row_clear) struct deploy_row row = {0};
	struct job *j = engine_find_job(e, id);

	if (!j) {
		int r = store_deploy_get(e->store, id, &row, err);
		return r < 0 ? r
			     : err_set(err, EALREADY, "deploy %llu has ended",
				       (unsigned long long)id);
	}
	if (!deploy_accepts(&j->deploy, DEPLOY_EVENT_CANCEL))
		return err_set(err, EALREADY,
			j->deploy.state == DEPLOY_SWAPPING
				? "it is too late: the new release is being made live"
				: "deploy %llu has ended",
			(unsigned long long)id);
	job_post(j, DEPLOY_EVENT_CANCEL);
	return 0;
}

/* The end is told to whoever watches; nothing is cleaned: the runtime removes all of the app. */
static void drop_jobs(struct engine *e, const char *app)
{
	list_for_each_safe (it, &e->jobs) {
		struct job *j = container_of(it, struct job, link);
		if (!streq(j->app, app))
			continue;
		if (!j->deploy.told) {
			job_emit(j,
				json_pack("{s:s, s:s, s:i, s:s}", "type", "end", "state",
					"cancelled", "exit", 130, "reason", "the app was removed"));
			event_log_close(j->log);
		}
		if (j->task_runs && j->task == TASK_BUILD)
			e->builds--;
		job_free(j);
	}
}

int engine_remove_app(struct engine *e, const char *app, struct err *err)
{
	struct app_row row;
	int r = store_app_get(e->store, app, &row, err);

	if (r < 0)
		return r;
	/* Stored first: whatever is left of it after a crash has no owner and is removed. */
	r = store_app_remove(e->store, app, err);
	if (r < 0)
		return r;
	drop_jobs(e, app);
	live_set(e, app, 0, 0, NULL);
	list_for_each_safe (it, &e->instances) {
		struct instance *i = container_of(it, struct instance, link);
		if (streq(i->spec.id.app, app)) {
			list_remove(&i->link);
			free(i);
		}
	}
	publish_until_done(e);
	_cleanup_free_ char *logs = xasprintf("%s/apps/%s/deploys", e->paths.state, app);
	(void)janitor_remove(e->janitor, logs, NULL);
	/* An app of the same name must not find old branches: its first push would change nothing. */
	_cleanup_free_ char *repo = xasprintf("%s/git/%s.git", e->paths.state, app);
	(void)janitor_remove(e->janitor, repo, NULL);
	engine_wake(e);
	return e->runtime ? e->runtime->ops->remove_app(e->runtime, app, err) : 0;
}
