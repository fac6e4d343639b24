/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking away what a deploy made, and what nobody needs any more. Cleaning is one function that is
 * called again whenever something it waits for has ended, and does the next thing that is left.
 */
#include <errno.h>

#include "agent/deploy/instances.h"
#include "agent/deploy/janitor.h"
#include "agent/deploy/publish.h"
#include "agent/deploy/release_files.h"
#include "agent/deploy/run.h"
#include "agent/deploy/tail.h"
#include "agent/deploy/work.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"

#define STOP_PATIENCE_MS 120000
#define FAILED_KEPT 3 /* rows of failed releases */
#define DEPLOYS_KEPT 50 /* rows and logs of deploys of one app */

static void remove_dir(struct engine *e, const char *app, unsigned release)
{
	_cleanup_free_ char *path = release_path(&e->paths, app, release, NULL);
	struct err err = {0};

	if (janitor_remove(e->janitor, path, &err) < 0)
		log_warn("deploy.remove", "error=%s", err.msg);
}

/* Does anything but `except` need the files of this release? */
static bool is_code_wanted(
	struct engine *e, const char *app, unsigned release, const struct job *except)
{
	const struct live *live = live_get(e, app);

	if (live && (live->release == release || live->code_release == release))
		return true;
	return engine_has_job_on(e, app, release, except);
}

void work_discard_release(struct job *j)
{
	struct engine *e = j->engine;
	struct err err = {0};

	if (!job_owns_release(j))
		return;
	if (j->deploy.kind != DEPLOY_PLAN && store_release_set_state(e->store, j->app,
						     j->deploy.release, RELEASE_FAILED, &err) < 0)
		log_warn("deploy.discard", "error=%s", err.msg);
	if (!is_code_wanted(e, j->app, j->deploy.release, j))
		remove_dir(e, j->app, j->deploy.release);
}

static void on_lines(void *data, const struct tail_line *lines, size_t count)
{
	struct job *j = data;

	if (j->log && !event_log_is_closed(j->log))
		for (size_t i = 0; i < count; i++)
			event_log_add_output(
				j->log, "app", lines[i].process, str_from(lines[i].text));
	tail_free(take_ptr(j->tail));
	j->logs_done = true;
	work_clean(j);
}

/* The app's last words, before it is stopped; false when there are none to wait for. */
static bool fetch_logs(struct job *j)
{
	struct runtime *rt = j->engine->runtime;
	/* More than are shown: the old release writes to the same log. */
	const struct log_query query = {.app = j->app, .lines = TAIL_LINES * 10};
	int fd = -1;

	if (!j->wants_logs || j->logs_done)
		return false;
	j->logs_done = true;
	if (rt->ops->open_logs(rt, &query, &fd, NULL) < 0)
		return false;
	j->logs_done = false;
	j->tail = tail_start(j->engine->loop, fd, j->deploy.release, on_lines, j);
	return true;
}

static void on_stop_patience(struct job *j)
{
	log_warn("deploy.clean", "app=%s release=%u: its end was not reported", j->app,
		j->deploy.release);
	instances_forget(j->engine, j->app, j->deploy.release);
	work_clean(j);
}

/* A release that is being brought back again by now is not stopped. */
static bool stop_new(struct job *j)
{
	const struct live *live = live_get(j->engine, j->app);

	if (j->deploy.release == 0 || (live && live->release == j->deploy.release))
		return true;
	if (instances_stop(j->engine, j->app, j->deploy.release))
		return true;
	if (!ev_is_active(&j->timer))
		job_set_timer(j, STOP_PATIENCE_MS, on_stop_patience);
	return false;
}

void work_clean(struct job *j)
{
	if (!work_code_is_over(j) || j->tail)
		return;
	if (fetch_logs(j))
		return;
	if (j->was_live && !j->drained) {
		if (!j->draining) {
			j->draining = true;
			work_drain(j);
		}
		return;
	}
	if (!stop_new(j))
		return;
	job_stop_timer(j);
	work_discard_release(j);
	job_post(j, DEPLOY_EVENT_DONE);
}

static bool is_code_of_kept(
	const struct release_row *rows, const bool *keep, size_t count, unsigned number)
{
	for (size_t i = 0; i < count; i++)
		if (keep[i] && rows[i].code_release == number)
			return true;
	return false;
}

/* rows: newest first. The live one and the one a rollback goes to are kept whatever the count. */
static void choose_kept(
	struct engine *e, const char *app, const struct release_row *rows, bool *keep, size_t count)
{
	_cleanup_(release_row_clear) struct release_row previous = {0};
	unsigned ready = 0;

	if (store_release_previous(e->store, app, &previous, NULL) < 0)
		previous.number = 0;
	for (size_t i = 0; i < count; i++) {
		keep[i] = rows[i].number == previous.number ||
			  is_code_wanted(e, app, rows[i].number, NULL);
		if (rows[i].state == RELEASE_READY && !keep[i])
			keep[i] = ready++ < e->config.releases_kept;
	}
}

static void prune_release(struct engine *e, const struct release_row *row)
{
	struct err err = {0};

	if (store_release_set_state(e->store, row->app, row->number, RELEASE_PRUNED, &err) < 0) {
		log_warn("deploy.prune", "error=%s", err.msg);
		return;
	}
	remove_dir(e, row->app, row->number);
}

/* A failed release keeps its row for a while, its files only as long as another one runs them. */
static void prune_failed(struct engine *e, const struct release_row *row, bool is_old)
{
	_cleanup_free_ char *path = release_path(&e->paths, row->app, row->number, NULL);

	/* Its deploy is over, and the store could not be told how it ended. */
	if (row->state == RELEASE_BUILDING &&
		store_release_set_state(e->store, row->app, row->number, RELEASE_FAILED, NULL) < 0)
		return;
	if (is_old)
		prune_release(e, row);
	else if (file_exists(path))
		remove_dir(e, row->app, row->number);
}

static void prune_releases(struct engine *e, const char *app)
{
	struct release_row *rows = NULL;
	size_t count = 0;
	unsigned failed = 0;

	if (store_release_list(e->store, app, 0, &rows, &count, NULL) < 0)
		return;
	_cleanup_free_ bool *keep = xcalloc(count + 1, sizeof *keep);
	choose_kept(e, app, rows, keep, count);
	for (size_t i = 0; i < count; i++) {
		if (keep[i] || is_code_of_kept(rows, keep, count, rows[i].number))
			continue;
		if (rows[i].state == RELEASE_READY)
			prune_release(e, &rows[i]);
		else if (rows[i].state == RELEASE_FAILED || rows[i].state == RELEASE_BUILDING)
			prune_failed(e, &rows[i], ++failed > FAILED_KEPT);
	}
	for (size_t i = 0; i < count; i++)
		release_row_clear(&rows[i]);
	free(rows);
}

static void prune_deploys(struct engine *e, const char *app)
{
	struct deploy_row *rows = NULL;
	size_t count = 0;

	if (store_deploy_list(e->store, app, &rows, &count, NULL) < 0)
		return;
	for (size_t i = DEPLOYS_KEPT; i < count; i++) {
		_cleanup_free_ char *log = deploy_log_path(e, app, rows[i].id);
		if (!engine_find_job(e, rows[i].id) &&
			store_deploy_remove(e->store, rows[i].id, NULL) == 0)
			(void)unlink(log);
	}
	deploy_rows_free(rows, count);
}

void work_prune(struct engine *e, const char *app)
{
	prune_releases(e, app);
	prune_deploys(e, app);
}
