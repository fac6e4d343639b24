/* SPDX-License-Identifier: Apache-2.0
 *
 * Setting up and judging a test's host.
 */
#include "tests/unit/agent/deploy/world.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/deploy/run.h"
#include "agent/deploy/janitor.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/sys/file.h"

#define DEADLINE_MS 15000
#define COMMIT "0123456789012345678901234567890123456789"

struct world world;

static void write_fake_git(void)
{
	/* checkout --repo R --commit SHA --to DIR */
	static const char script[] = "#!/bin/sh\nexec /bin/mkdir -p \"$7\"\n";
	_cleanup_free_ char *path = xasprintf("%s/programs/berth-git", world.dir);
	struct err err;
	assert_int_equal(file_replace(path, script, sizeof script - 1, 0755, &err), 0);
}

int world_setup(void **state)
{
	(void)state;
	struct err err = {0};
	log_set_level(LOG_LEVEL_ERROR);
	(void)signal(SIGPIPE, SIG_IGN); /* as the agent does */
	memset(&world, 0, sizeof world);
	/* Thousands of fsync(2): in memory where there is such a folder. */
	(void)snprintf(world.dir, sizeof world.dir, "%s/berth-world-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(world.dir));
	_cleanup_free_ char *programs = xasprintf("%s/programs", world.dir);
	assert_int_equal(file_make_dirs(programs, 0755, &err), 0);
	write_fake_git();
	fake_reset(world.dir);
	fake->plan = PLAN_WEB;
	world.paths = (struct runtime_paths){world.dir, world.dir, take_ptr(programs)};
	world.config = (struct engine_config){.paths = &world.paths,
		.build_timeout_ms = 10000,
		.release_command_timeout_ms = 10000,
		.drain_timeout_ms = 300,
		.guard_ms = 30,
		.releases_kept = 3,
		.port_min = 29000,
		.port_max = 29099,
		.base_domain = "localhost",
		.admin_host = "berth.localhost"};
	world.loop = ev_loop_new(EVFLAG_AUTO);
	return 0;
}

int world_teardown(void **state)
{
	(void)state;
	if (world.engine)
		world_lose_agent();
	ev_loop_destroy(world.loop);
	free((void *)(uintptr_t)world.paths.programs);
	struct err err;
	return file_remove_tree(world.dir, &err);
}

void world_start_agent(const char *stop_at)
{
	struct err err = {0};
	_cleanup_free_ char *path = xasprintf("%s/store.db", world.dir);

	if (store_open(path, &world.store, &err) < 0)
		fail_msg("%s", err.msg);
	struct app_row app;
	if (store_app_get(world.store, "shop", &app, &err) < 0)
		assert_int_equal(store_app_add(world.store, "shop", &err), 0);
	world.config.test_stop_at = stop_at;
	world.engine = engine_new(world.loop, &world.config, world.store, NULL, &err);
	assert_non_null(world.engine);
	fake_attach(world.loop, engine_runtime_callbacks(world.engine));
	fake_listen();
	if (engine_start(world.engine, fake_runtime(), &err) < 0)
		fail_msg("%s", err.msg);
}

void world_lose_agent(void)
{
	fake_detach();
	engine_free(take_ptr(world.engine));
	store_close(take_ptr(world.store));
}

uint64_t world_request(enum deploy_kind kind, unsigned release)
{
	const struct deploy_request request = {
		.app = "shop", .kind = kind, .commit = COMMIT, .release = release};
	uint64_t id = 0;
	struct err err = {0};

	int r = engine_deploy(world.engine, &request, &id, &err);
	return r < 0 ? 0 : id;
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
}

void world_turn(void)
{
	ev_timer wake;
	ev_timer_init(&wake, on_deadline, 0.001, 0.);
	ev_timer_start(world.loop, &wake);
	ev_run(world.loop, EVRUN_ONCE);
	ev_timer_stop(world.loop, &wake);
}

void world_settle(void)
{
	int64_t until = clock_monotonic_ms() + DEADLINE_MS;

	while (!list_is_empty(&world.engine->jobs) || !list_is_empty(&world.engine->posted)) {
		world_turn();
		if (clock_monotonic_ms() > until) {
			struct job *j = container_of(world.engine->jobs.next, struct job, link);
			fail_msg("deploy %llu stays in state %s", (unsigned long long)j->deploy.id,
				deploy_state_name(j->deploy.state));
		}
	}
	/* What was asked to stop without a deploy, and the first table. */
	for (int i = 0; i < 5; i++)
		world_turn();
}

int world_wait(uint64_t id)
{
	int64_t until = clock_monotonic_ms() + DEADLINE_MS;

	assert_true(id > 0);
	for (;;) {
		struct deploy_row row;
		struct err err;
		assert_int_equal(store_deploy_get(world.store, id, &row, &err), 0);
		int code = row.exit;
		bool ended = row.ended_ms > 0;
		if (clock_monotonic_ms() > until)
			fail_msg(
				"deploy %llu stays in state %s", (unsigned long long)id, row.state);
		deploy_row_clear(&row);
		if (ended)
			return code;
		world_turn();
	}
}

int world_deploy(enum deploy_kind kind, unsigned release)
{
	return world_wait(world_request(kind, release));
}

unsigned world_live(void)
{
	struct app_row app;
	struct err err;

	assert_int_equal(store_app_get(world.store, "shop", &app, &err), 0);
	return app.live_release;
}

char *world_reason(uint64_t id)
{
	struct deploy_row row;
	struct err err;

	assert_int_equal(store_deploy_get(world.store, id, &row, &err), 0);
	char *reason = xstrdup(row.reason ? row.reason : "");
	deploy_row_clear(&row);
	return reason;
}

/* The code of a release that failed may have been given to one that works (a change of env). */
static bool is_run_by_another(unsigned number)
{
	struct release_row *rows;
	size_t count;
	bool found = false;
	struct err err;

	assert_int_equal(store_release_list(world.store, "shop", 0, &rows, &count, &err), 0);
	for (size_t i = 0; i < count; i++) {
		found = found || (rows[i].state == RELEASE_READY && rows[i].code_release == number);
		release_row_clear(&rows[i]);
	}
	free(rows);
	return found;
}

/* Every folder has a release that is kept; what is moved aside is the janitor's. */
static void check_folders(void)
{
	_cleanup_free_ char *path = xasprintf("%s/apps/shop/releases", world.dir);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		struct release_row row;
		unsigned number;
		struct err err;
		if (parse_unsigned(entry->d_name, 1, UINT32_MAX, &number) < 0)
			continue;
		if (store_release_get(world.store, "shop", number, &row, &err) < 0)
			fail_msg("the folder of release %u has no row", number);
		if (row.state != RELEASE_READY && !is_run_by_another(number))
			fail_msg("release %u has a folder in state %d", number, (int)row.state);
		release_row_clear(&row);
	}
	if (dir)
		(void)closedir(dir);
}

static void check_rows(void)
{
	struct release_row *rows;
	size_t count;
	struct err err;

	assert_int_equal(store_release_list(world.store, "shop", 0, &rows, &count, &err), 0);
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *file = xasprintf(
			"%s/apps/shop/releases/%u/release.json", world.dir, rows[i].number);
		assert_true(rows[i].state != RELEASE_BUILDING);
		assert_int_equal(rows[i].state == RELEASE_READY, file_exists(file));
		release_row_clear(&rows[i]);
	}
	free(rows);
}

static void check_instances(unsigned live)
{
	struct instance_row *rows;
	size_t count, running = 0;
	struct err err;

	for (size_t i = 0; i < FAKE_INSTANCES_MAX; i++) {
		if (!fake->instances[i].exists)
			continue;
		running++;
		if (fake->instances[i].id.release != live)
			fail_msg("an instance of v%u is left over beside v%u",
				fake->instances[i].id.release, live);
	}
	assert_int_equal(store_instance_list(world.store, NULL, &rows, &count, &err), 0);
	assert_int_equal(count, running);
	free(rows);
}

void world_check(void)
{
	struct deploy_row *rows;
	size_t count;
	struct err err;
	unsigned live = world_live();

	assert_int_equal(fake_served("shop"), live);
	check_instances(live);
	check_folders();
	check_rows();
	assert_int_equal(
		store_deploy_list_unfinished(world.store, "ended", &rows, &count, &err), 0);
	assert_int_equal(count, 0);
	deploy_rows_free(rows, count);
}
