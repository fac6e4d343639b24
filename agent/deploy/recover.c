/* SPDX-License-Identifier: Apache-2.0
 *
 * What a new agent does first: it learns from the store what should be, and from the runtime what
 * is, starts what is missing, ends what nobody owns, publishes the routes, and takes up each deploy
 * that was interrupted. All of it can be interrupted and done again.
 */
#include <dirent.h>
#include <errno.h>

#include "agent/deploy/instances.h"
#include "agent/deploy/janitor.h"
#include "agent/deploy/publish.h"
#include "agent/deploy/release_files.h"
#include "agent/deploy/run.h"
#include "agent/deploy/work.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

#define START_AGAIN_S 5.

static bool is_draining(struct engine *e, const char *app, unsigned release)
{
	list_for_each (it, &e->jobs) {
		const struct job *j = container_of(it, struct job, link);
		if (streq(j->app, app) && j->deploy.previous == release &&
			(j->deploy.state == DEPLOY_SWAPPING || j->deploy.state == DEPLOY_GUARDING ||
				j->deploy.state == DEPLOY_DRAINING))
			return true;
	}
	return false;
}

static struct job *restore_job(struct engine *e, struct deploy_row *row)
{
	enum deploy_kind kind;
	enum deploy_state state;
	enum deploy_outcome outcome;

	if (deploy_kind_parse(row->kind, &kind) < 0 || deploy_state_parse(row->state, &state) < 0 ||
		deploy_outcome_parse(row->outcome, &outcome) < 0)
		return NULL;
	struct job *j = job_new(e, row->app, kind);
	j->deploy.id = row->id;
	j->deploy.state = state;
	j->deploy.outcome = outcome;
	j->deploy.told = row->ended_ms > 0;
	j->deploy.exit = row->exit;
	(void)snprintf(
		j->deploy.reason, sizeof j->deploy.reason, "%s", row->reason ? row->reason : "");
	(void)snprintf(j->deploy.hint, sizeof j->deploy.hint, "%s", row->hint ? row->hint : "");
	j->deploy.release = row->release;
	j->deploy.previous = row->previous;
	if (kind == DEPLOY_PLAN && state != DEPLOY_QUEUED)
		j->deploy.release = PLAN_NUMBER_BASE + (unsigned)(row->id % PLAN_NUMBER_BASE);
	copy_name(j->commit, sizeof j->commit, row->commit);
	j->source = take_ptr(row->source);
	j->description = take_ptr(row->description);
	j->created_ms = row->created_ms;
	j->ended_ms = row->ended_ms;
	if (!j->deploy.told)
		job_open_log(j);
	return j;
}

static int restore_jobs(struct engine *e, struct err *err)
{
	struct deploy_row *rows = NULL;
	size_t count = 0;
	int r = store_deploy_list_unfinished(
		e->store, deploy_state_name(DEPLOY_ENDED), &rows, &count, err);

	for (size_t i = 0; i < count; i++)
		if (!restore_job(e, &rows[i]))
			log_error("deploy.unknown", "id=%llu state=%s",
				(unsigned long long)rows[i].id, rows[i].state);
	deploy_rows_free(rows, count);
	return r;
}

static void on_listed(void *data, const struct instance_status *status)
{
	struct engine *e = data;
	struct instance *i = instance_find(e, &status->id);

	if (i) {
		i->status = *status;
		i->known = true;
		return;
	}
	log_warn("instance.stray", "app=%s release=%u process=%s.%u", status->id.app,
		status->id.release, status->id.process, status->id.index);
	struct err err = {0};
	if (e->runtime->ops->stop(e->runtime, &status->id, &err) < 0)
		log_warn("instance.stop", "error=%s", err.msg);
}

/* Instances in the store that belong to no live release and to no deploy that will end them. */
static void stop_unowned(struct engine *e)
{
	bool again = true;

	while (again) {
		again = false;
		list_for_each (it, &e->instances) {
			const struct instance *i = container_of(it, struct instance, link);
			const struct instance_id id = i->spec.id;
			const struct live *live = live_get(e, id.app);
			if (i->stopping || (live && live->release == id.release) ||
				is_draining(e, id.app, id.release))
				continue;
			(void)instances_stop(e, id.app, id.release);
			again = true;
			break;
		}
	}
}

/* A full disk, or whatever else is in the way, will go: said once, tried until it works. */
static void start_one_live(struct engine *e, struct live *live)
{
	struct err err = {0};

	if (instances_start(e, live->app, live->release, live->code_release, live->plan, &err) ==
		0) {
		live->not_started = false;
		return;
	}
	if (!live->not_started)
		log_error("app.not_started", "app=%s release=%u error=%s", live->app, live->release,
			err.msg);
	live->not_started = true;
	ev_timer_stop(e->loop, &e->start_again); /* of another app */
	ev_timer_set(&e->start_again, START_AGAIN_S, 0.);
	ev_timer_start(e->loop, &e->start_again);
}

static void start_live(struct engine *e)
{
	map_for_each (it, &e->lives)
		start_one_live(e, it->value);
}

void on_start_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct engine *e = container_of(timer, struct engine, start_again);

	(void)events;
	ev_timer_stop(loop, timer);
	map_for_each (it, &e->lives) {
		struct live *live = it->value;
		if (live->not_started)
			start_one_live(e, live);
	}
	publish_until_done(e);
}

static int load_lives(struct engine *e, struct err *err)
{
	_cleanup_free_ struct app_row *apps = NULL;
	size_t count = 0;
	int r = store_app_list(e->store, &apps, &count, err);

	for (size_t i = 0; i < count && r == 0; i++) {
		struct err one = {0};
		/* One app that cannot be read must not keep the others down. */
		if (live_load(e, apps[i].name, apps[i].live_release, &one) < 0)
			log_error("app.not_loaded", "app=%s error=%s", apps[i].name, one.msg);
	}
	return r;
}

/* A folder without a usable row: a build that was interrupted, or a removal that was. */
static bool is_leftover(struct engine *e, const char *app, const char *name)
{
	_cleanup_(release_row_clear) struct release_row row = {0};
	unsigned number;

	if (has_suffix(name, JANITOR_SUFFIX))
		return true;
	if (parse_unsigned(name, 1, UINT32_MAX, &number) < 0)
		return false;
	if (engine_find_release_job(e, app, number))
		return false;
	int r = store_release_get(e->store, app, number, &row, NULL);
	if (r == 0 && row.state == RELEASE_BUILDING) {
		(void)store_release_set_state(e->store, app, number, RELEASE_FAILED, NULL);
		return true;
	}
	return r == -ENOENT || (r == 0 && row.state == RELEASE_PRUNED);
}

static void sweep_app(struct engine *e, const char *app)
{
	_cleanup_free_ char *path = xasprintf("%s/apps/%s/releases", e->paths.state, app);
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own stream */
		if (entry->d_name[0] == '.' || !is_leftover(e, app, entry->d_name))
			continue;
		_cleanup_free_ char *folder = xasprintf("%s/%s", path, entry->d_name);
		struct err err = {0};
		log_info("release.leftover", "path=%s", folder);
		if (janitor_remove(e->janitor, folder, &err) < 0)
			log_warn("release.leftover", "error=%s", err.msg);
	}
	(void)closedir(dir);
}

static void sweep(struct engine *e)
{
	_cleanup_free_ struct app_row *apps = NULL;
	size_t count = 0;

	/* Folders of apps that the store does not know are never touched: the store may be the one
	 * that is wrong. */
	if (store_app_list(e->store, &apps, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		sweep_app(e, apps[i].name);
		work_prune(e, apps[i].name);
	}
}

/* A store without apps beside folders with releases is a store that was lost. */
static int check_store_was_not_lost(struct engine *e, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/apps", e->paths.state);
	_cleanup_free_ struct app_row *apps = NULL;
	size_t count = 0;
	struct dirent *entry;
	int r = store_app_list(e->store, &apps, &count, err);
	DIR *dir = r < 0 || count > 0 ? NULL : opendir(path);

	while (dir && r == 0 &&
		(entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own stream */
		_cleanup_free_ char *releases = xasprintf("%s/%s/releases", path, entry->d_name);
		if (entry->d_name[0] != '.' && file_exists(releases))
			r = err_set(err, EBADMSG,
				"the store knows no apps, but %s holds releases of %s: the store was "
				"lost; restore it from a backup, or move %s away to start anew",
				path, entry->d_name, path);
	}
	if (dir)
		(void)closedir(dir);
	return r;
}

int engine_start(struct engine *e, struct runtime *runtime, struct err *err)
{
	e->runtime = runtime;
	int r = check_store_was_not_lost(e, err);
	if (r == 0)
		r = load_lives(e, err);
	if (r == 0)
		r = restore_jobs(e, err);
	if (r == 0)
		r = instances_load(e, err);
	if (r == 0)
		r = runtime->ops->list(runtime, on_listed, e, err);
	if (r < 0)
		return r;
	start_live(e);
	stop_unowned(e);
	sweep(e);
	publish_until_done(e);
	list_for_each (it, &e->jobs)
		job_post(container_of(it, struct job, link), DEPLOY_EVENT_RESTART);
	return 0;
}
