/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that is killed: in a child process at every state, before and after its work; and at
 * random turns of the loop while deploys of all kinds succeed, fail and are cancelled. A new agent
 * must always find or make one whole release live, and leave nothing over.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "agent/deploy/run.h"
#include "lib/base/log.h"
#include "tests/unit/agent/deploy/world.h"

/* Runs a deploy in a child until it is killed at that point; false when it never came there. */
static bool kill_at(const char *point, enum deploy_kind kind)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		ev_loop_fork(world.loop);
		world_start_agent(point);
		(void)world_request(kind, 0);
		world_settle();
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void check_outcome(const char *point, bool killed, unsigned before)
{
	struct deploy_row *rows;
	size_t count;
	struct err err;
	enum deploy_state at;
	_cleanup_free_ char *name = xstrdup(point);
	bool worked = point[strlen(point) - 1] == '+';
	name[strcspn(name, "+")] = '\0';
	assert_int_equal(deploy_state_parse(name, &at), 0);
	assert_int_equal(store_deploy_list(world.store, "shop", &rows, &count, &err), 0);
	bool must_live = !killed || at >= DEPLOY_SWAPPING;
	if (!streq(rows[0].outcome, must_live ? "live" : "failed"))
		fail_msg("killed at %s: %s, %s", point, rows[0].outcome, rows[0].reason);
	if (!must_live) {
		assert_string_equal(rows[0].reason, "interrupted by a restart of the agent");
		assert_int_equal(world_live(), before);
	} else {
		assert_int_not_equal(world_live(), before);
	}
	(void)worked;
	deploy_rows_free(rows, count);
}

static void sweep(const char *plan, enum deploy_kind kind, unsigned *killed_count)
{
	for (int s = DEPLOY_QUEUED; s < DEPLOY_REVERTING; s++) {
		for (int after = 0; after < 2; after++) {
			void *state = NULL;
			_cleanup_free_ char *point = xasprintf(
				"%s%s", deploy_state_name((enum deploy_state)s), after ? "+" : "");
			assert_int_equal(world_setup(&state), 0);
			fake->plan = plan;
			world_start_agent(NULL);
			assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
			assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
			world_settle();
			unsigned before = world_live();
			world_lose_agent();
			bool killed = kill_at(point, kind);
			*killed_count += killed;
			world_start_agent(NULL);
			world_settle();
			world_check();
			check_outcome(point, killed, before);
			assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
			world_settle();
			world_check();
			assert_int_equal(world_teardown(&state), 0);
		}
	}
}

static void test_killed_at_every_state_of_a_commit(void **state)
{
	(void)state;
	unsigned killed = 0;
	sweep(PLAN_WEB, DEPLOY_COMMIT, &killed);
	assert_int_equal(killed, 19); /* all but "queued+": what is queued has no work */
}

static void test_killed_at_every_state_of_a_static_site(void **state)
{
	(void)state;
	unsigned killed = 0;
	sweep(PLAN_STATIC, DEPLOY_COMMIT, &killed);
	assert_int_equal(killed, 13);
}

static void test_killed_at_every_state_of_a_rollback(void **state)
{
	(void)state;
	unsigned killed = 0;
	sweep(PLAN_WEB, DEPLOY_ROLLBACK, &killed);
	assert_int_equal(killed, 13);
}

static void test_killed_at_every_state_of_a_change_of_env(void **state)
{
	(void)state;
	unsigned killed = 0;
	sweep(PLAN_WEB, DEPLOY_ENV, &killed);
	assert_int_equal(killed, 13);
}

/* Both are told, the agent is killed while it swaps back. */
static void test_killed_while_it_swaps_back(void **state)
{
	static const char *const points[] = {"reverting", "reverting+", "cleaning", "cleaning+"};
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		assert_int_equal(world_setup(state), 0);
		world.config.guard_ms = 10000;
		world_start_agent(NULL);
		assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
		world_settle();
		world_lose_agent();
		pid_t pid = fork();
		if (pid == 0) {
			ev_loop_fork(world.loop);
			world_start_agent(points[i]);
			(void)world_deploy(DEPLOY_COMMIT, 0);
			fake_crash("shop", 2);
			fake_crash("shop", 2);
			world_settle();
			_exit(0);
		}
		int status = 0;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		world_start_agent(NULL);
		world_settle();
		world_check();
		assert_int_equal(world_live(), 1);
		assert_int_equal(world_teardown(state), 0);
	}
}

/* Nothing that ran survives, as after a power cut. */
static void test_power_cut_at_every_state(void **state)
{
	for (int s = DEPLOY_CHECKOUT; s < DEPLOY_REVERTING; s++) {
		assert_int_equal(world_setup(state), 0);
		world_start_agent(NULL);
		assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
		world_settle();
		world_lose_agent();
		assert_true(kill_at(deploy_state_name((enum deploy_state)s), DEPLOY_COMMIT));
		memset(fake->instances, 0, sizeof fake->instances);
		world_start_agent(NULL);
		world_settle();
		world_check();
		assert_int_equal(fake_count("shop", world_live()), 2);
		assert_int_equal(world_live(), s >= DEPLOY_SWAPPING ? 2 : 1);
		assert_int_equal(world_teardown(state), 0);
	}
}

static void act_at_random(unsigned *seed)
{
	static const char *const plans[] = {PLAN_WEB, PLAN_STATIC};
	uint64_t newest = 0;
	struct err err;

	fake->plan = plans[rand_r(seed) % 2];
	fake->build_exit = rand_r(seed) % 8 == 0;
	fake->release_fails = rand_r(seed) % 8 == 0;
	fake->start_fails = rand_r(seed) % 12 == 0;
	fake->crashes_at_start = rand_r(seed) % 8 == 0;
	fake->publish_result = 0;
	switch (rand_r(seed) % 8) {
	case 0:
		(void)world_request(DEPLOY_ROLLBACK, 0);
		break;
	case 1:
		(void)world_request(DEPLOY_ROLLBACK, (unsigned)rand_r(seed) % 20);
		break;
	case 2:
		(void)world_request(DEPLOY_ENV, 0);
		break;
	case 3:
		(void)world_request(DEPLOY_PLAN, 0);
		break;
	case 4:
		list_for_each (it, &world.engine->jobs)
			newest = container_of(it, struct job, link)->deploy.id;
		if (newest)
			(void)engine_cancel(world.engine, newest, &err);
		break;
	case 5:
		fake_crash("shop", world_live());
		break;
	default:
		(void)world_request(DEPLOY_COMMIT, 0);
	}
}

static void test_random_lives(void **state)
{
	unsigned seed = 20260101;
	for (int life = 0; life < 12; life++) {
		assert_int_equal(world_setup(state), 0);
		log_set_level((enum log_level)0);
		world.config.guard_ms = 20;
		world.config.drain_timeout_ms = 50;
		world_start_agent(NULL);
		for (int i = 0; i < 50; i++) {
			act_at_random(&seed);
			for (int turns = rand_r(&seed) % 25; turns > 0; turns--)
				world_turn();
			if (rand_r(&seed) % 6 == 0) {
				world_lose_agent();
				world_start_agent(NULL);
			}
		}
		fake->start_fails = fake->crashes_at_start = false;
		world_settle();
		world_check();
		fake->plan = PLAN_WEB;
		fake->build_exit = 0;
		fake->release_fails = false;
		assert_int_equal(world_deploy(DEPLOY_COMMIT, 0), 0);
		world_settle();
		world_check();
		assert_int_equal(world_teardown(state), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_every_state_of_a_commit),
		cmocka_unit_test(test_killed_at_every_state_of_a_static_site),
		cmocka_unit_test(test_killed_at_every_state_of_a_rollback),
		cmocka_unit_test(test_killed_at_every_state_of_a_change_of_env),
		cmocka_unit_test(test_killed_while_it_swaps_back),
		cmocka_unit_test(test_power_cut_at_every_state),
		cmocka_unit_test(test_random_lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
