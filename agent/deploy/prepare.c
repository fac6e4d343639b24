/* SPDX-License-Identifier: Apache-2.0
 *
 * What a deploy needs before its first state: a release number and folder of its own, or the kept
 * release that it brings back. Everything here is local and quick.
 */
#include <errno.h>

#include "agent/deploy/publish.h"
#include "agent/deploy/release_files.h"
#include "agent/deploy/run.h"
#include "agent/deploy/work.h"
#include "lib/base/str.h"
#include "lib/data/envfile.h"
#include "lib/sys/file.h"

enum { EXIT_APP = 1, EXIT_USAGE = 2, EXIT_NOT_FOUND = 5 };

/* The row and the deploy that made it are stored as one: a crash leaves no release without owner. */
static int add_release(struct job *j, enum release_state state, struct err *err)
{
	struct store *store = j->engine->store;
	struct release_row row = {.state = state,
		.source = j->source,
		.code_release = j->code_release,
		.description = j->description};
	struct deploy_row deploy;
	unsigned number = 0;

	(void)snprintf(row.app, sizeof row.app, "%s", j->app);
	(void)snprintf(row.commit, sizeof row.commit, "%s", j->commit);
	int r = store_begin(store, err);
	if (r < 0)
		return r;
	r = store_release_add(store, &row, &number, err);
	if (r == 0) {
		j->deploy.release = number;
		job_fill_row(j, &j->deploy, &deploy);
		r = store_deploy_update(store, &deploy, err);
	}
	if (r < 0)
		store_rollback(store);
	else
		r = store_commit(store, err);
	if (r < 0)
		j->deploy.release = 0;
	return r;
}

static int write_build_env(struct job *j, struct err *err)
{
	struct engine *e = j->engine;
	_cleanup_free_ char *path = release_path(&e->paths, j->app, j->deploy.release, "build.env");
	_cleanup_free_ char *first = NULL;
	_cleanup_(env_list_clear) struct env_list env = {0};
	char host[IDENT_DOMAIN_MAX + 1], url[IDENT_DOMAIN_MAX + 16];
	int r = 0;

	if (e->config.build_env_path)
		r = file_read(e->config.build_env_path, ENVFILE_BYTES_MAX, &first, NULL, err);
	if (r == 0)
		r = store_env_get(e->store, j->app, &env, err);
	if (r < 0)
		return r;
	primary_host(e, j->app, NULL, host);
	edge_url(e->edge, host, url, sizeof url);
	return release_write_env(path, first, &env, url, err);
}

static int prepare_code(struct job *j, struct err *err)
{
	struct engine *e = j->engine;
	int r = 0;

	if (j->deploy.kind == DEPLOY_PLAN)
		j->deploy.release = PLAN_NUMBER_BASE + (unsigned)(j->deploy.id % PLAN_NUMBER_BASE);
	else
		r = add_release(j, RELEASE_BUILDING, err);
	if (r < 0)
		return r;
	j->code_release = j->deploy.release;
	r = release_make_dir(&e->paths, j->app, j->deploy.release, err);
	return r < 0 ? r : write_build_env(j, err);
}

static void learn_from_plan(struct job *j)
{
	must(j->plan);
	j->deploy.has_processes = j->plan->process_count > 0;
	j->deploy.has_release_command =
		j->plan->release_command != NULL && j->plan->release_command[0] != '\0';
}

static int check_code_is_there(struct job *j, struct err *err)
{
	_cleanup_free_ char *code = release_path(&j->engine->paths, j->app, j->code_release, "app");

	if (file_exists(code))
		return 0;
	return err_set(err, ENOENT, "the files of release v%u are gone; deploy its commit again",
		j->code_release);
}

static int load_kept(struct job *j, unsigned number, struct err *err)
{
	plan_free(take_ptr(j->plan));
	int r = release_load(&j->engine->paths, j->app, number, &j->plan, &j->code_release, err);
	if (r == 0)
		r = check_code_is_there(j, err);
	if (r == 0)
		learn_from_plan(j);
	return r;
}

/* Which release is brought back; the live one may have changed since the request. */
static int find_target(struct job *j, struct release_row *ret, int *ret_exit, struct err *err)
{
	struct engine *e = j->engine;
	const struct live *live = live_get(e, j->app);
	int r = j->wanted ? store_release_get(e->store, j->app, j->wanted, ret, err)
			  : store_release_previous(e->store, j->app, ret, err);

	*ret_exit = EXIT_NOT_FOUND;
	if (r < 0)
		return r;
	if (live && live->release == ret->number) {
		*ret_exit = EXIT_USAGE;
		return err_set(err, EEXIST, "release v%u is live already", ret->number);
	}
	if (ret->state == RELEASE_READY)
		return 0;
	return err_set(err, ENOENT,
		ret->state == RELEASE_PRUNED
			? "release v%u is no longer kept; deploy its commit again"
			: "release v%u never worked; there is nothing to go back to",
		ret->number);
}

static int prepare_rollback(struct job *j, int *ret_exit, struct err *err)
{
	_cleanup_(release_row_clear) struct release_row row = {0};
	int r = find_target(j, &row, ret_exit, err);

	if (r < 0)
		return r;
	*ret_exit = EXIT_APP;
	r = load_kept(j, row.number, err);
	if (r < 0)
		return r;
	j->deploy.release = row.number;
	(void)snprintf(j->commit, sizeof j->commit, "%s", row.commit);
	return domains_check(j->engine, j->app, j->plan, err);
}

static int prepare_env(struct job *j, int *ret_exit, struct err *err)
{
	struct engine *e = j->engine;
	const struct live *live = live_get(e, j->app);
	_cleanup_(release_row_clear) struct release_row row = {0};

	if (!live) {
		*ret_exit = EXIT_NOT_FOUND;
		return err_set(err, ENODATA, "%s has no live release yet; deploy it first", j->app);
	}
	int r = store_release_get(e->store, j->app, live->release, &row, err);
	if (r == 0)
		r = load_kept(j, live->release, err);
	if (r < 0)
		return r;
	(void)snprintf(j->commit, sizeof j->commit, "%s", row.commit);
	if (!j->source && row.source)
		j->source = xstrdup(row.source);
	r = add_release(j, RELEASE_BUILDING, err);
	if (r == 0)
		r = release_make_dir(&e->paths, j->app, j->deploy.release, err);
	return r < 0 ? r : job_write_release(j, err);
}

int job_prepare(struct job *j, int *ret_exit, struct err *err)
{
	*ret_exit = EXIT_APP;
	switch (j->deploy.kind) {
	case DEPLOY_COMMIT:
	case DEPLOY_PLAN:
		return prepare_code(j, err);
	case DEPLOY_ROLLBACK:
		return prepare_rollback(j, ret_exit, err);
	case DEPLOY_ENV:
		return prepare_env(j, ret_exit, err);
	}
	must(!"a kind of deploy");
	return -EINVAL;
}

int job_write_release(struct job *j, struct err *err)
{
	struct engine *e = j->engine;
	_cleanup_free_ char *path = release_path(&e->paths, j->app, j->deploy.release, "env");
	_cleanup_(env_list_clear) struct env_list env = {0};
	char host[IDENT_DOMAIN_MAX + 1], url[IDENT_DOMAIN_MAX + 16];
	const struct release_file file = {.app = j->app,
		.number = j->deploy.release,
		.code_release = j->code_release,
		.commit = j->commit,
		.plan = j->plan};

	learn_from_plan(j);
	int r = store_env_get(e->store, j->app, &env, err);
	if (r < 0)
		return r;
	primary_host(e, j->app, j->plan, host);
	edge_url(e->edge, host, url, sizeof url);
	r = release_write_env(path, NULL, &env, url, err);
	return r < 0 ? r : release_write(&e->paths, &file, err);
}
