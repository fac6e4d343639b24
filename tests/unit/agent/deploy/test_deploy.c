/* SPDX-License-Identifier: Apache-2.0
 *
 * The state machine of a deploy, without any I/O: every state with every event, and walks that must
 * always come to an end of the right kind.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "agent/deploy/deploy.h"
#include "lib/base/str.h"

static const char *const event_names[DEPLOY_EVENT_COUNT] = {
	"begin", "done", "failed", "cancel", "supersede", "overtake", "reclaim", "restart"};

/* For a commit with a release command and processes; "" is illegal. The columns are event_names. */
static const struct {
	const char *state;
	const char *to[DEPLOY_EVENT_COUNT];
} expected[DEPLOY_STATE_COUNT] = {
	{"queued", {"checkout", "", "ended", "ended", "ended", "", "", "ended"}},
	{"checkout", {"", "building", "cleaning", "cleaning", "", "", "", "cleaning"}},
	{"building", {"", "releasing", "cleaning", "cleaning", "", "", "", "cleaning"}},
	{"releasing", {"", "starting", "cleaning", "cleaning", "", "", "", "cleaning"}},
	{"starting", {"", "checking", "cleaning", "cleaning", "", "", "", "cleaning"}},
	{"checking", {"", "swapping", "cleaning", "cleaning", "", "", "", "cleaning"}},
	{"swapping", {"", "guarding", "reverting", "", "", "", "", "swapping"}},
	{"guarding", {"", "draining", "reverting", "", "", "draining", "ended", "draining"}},
	{"draining", {"", "stopping", "", "", "", "", "ended", "draining"}},
	{"stopping", {"", "ended", "", "", "", "", "", "stopping"}},
	{"reverting", {"", "cleaning", "", "", "", "", "", "reverting"}},
	{"cleaning", {"", "ended", "", "", "", "", "", "cleaning"}},
	{"ended", {"", "", "", "", "", "", "", ""}},
};

static struct deploy in_state(enum deploy_state state)
{
	struct deploy d = {
		.kind = DEPLOY_COMMIT, .has_release_command = true, .has_processes = true};
	d.state = state;
	if (state > DEPLOY_SWAPPING) {
		d.outcome = state >= DEPLOY_REVERTING ? DEPLOY_FAILED : DEPLOY_LIVE;
		d.told = state < DEPLOY_REVERTING;
	}
	return d;
}

/* Does the step end the program, as must() does? */
static bool aborts(struct deploy d, const struct deploy_event *event)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {0};
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		(void)deploy_step(&d, event);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_every_state_with_every_event(void **unused)
{
	(void)unused;
	for (int s = 0; s < DEPLOY_STATE_COUNT; s++) {
		for (int e = 0; e < DEPLOY_EVENT_COUNT; e++) {
			struct deploy d = in_state((enum deploy_state)s);
			const struct deploy_event event = {
				.type = (enum deploy_event_type)e, .exit = 8, .reason = "why"};
			const char *to = expected[s].to[e];
			assert_string_equal(deploy_state_name(d.state), expected[s].state);
			assert_int_equal(deploy_accepts(&d, event.type), *to != '\0');
			if (*to == '\0') {
				assert_true(aborts(d, &event));
				continue;
			}
			(void)deploy_step(&d, &event);
			if (!streq(deploy_state_name(d.state), to))
				fail_msg("%s + %s: %s, not %s", expected[s].state, event_names[e],
					deploy_state_name(d.state), to);
		}
	}
}

static void step(struct deploy *d, enum deploy_event_type type)
{
	(void)deploy_step(d, &(struct deploy_event){.type = type, .exit = 9, .reason = "why"});
}

static void test_paths_by_kind(void **unused)
{
	(void)unused;
	static const struct {
		enum deploy_kind kind;
		bool command, processes;
		const char *path;
	} cases[] = {
		{DEPLOY_COMMIT, true, true,
			"checkout building releasing starting checking swapping guarding draining "
			"stopping ended "},
		{DEPLOY_COMMIT, false, true,
			"checkout building starting checking swapping guarding draining stopping "
			"ended "},
		{DEPLOY_COMMIT, false, false,
			"checkout building swapping guarding draining stopping ended "},
		{DEPLOY_COMMIT, true, false,
			"checkout building releasing swapping guarding draining stopping ended "},
		{DEPLOY_ROLLBACK, true, true,
			"starting checking swapping guarding draining stopping ended "},
		{DEPLOY_ENV, true, true,
			"starting checking swapping guarding draining stopping ended "},
		{DEPLOY_ENV, true, false, "swapping guarding draining stopping ended "},
		{DEPLOY_PLAN, true, true, "checkout building cleaning ended "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct deploy d = {.kind = cases[i].kind,
			.has_release_command = cases[i].command,
			.has_processes = cases[i].processes};
		char path[256] = "";
		size_t n = 0;
		while (d.state != DEPLOY_ENDED) {
			step(&d, d.state == DEPLOY_QUEUED ? DEPLOY_EVENT_BEGIN : DEPLOY_EVENT_DONE);
			n += (size_t)snprintf(
				path + n, sizeof path - n, "%s ", deploy_state_name(d.state));
		}
		assert_string_equal(path, cases[i].path);
		assert_true(d.told);
		assert_int_equal(d.exit, 0);
		assert_int_equal(
			d.outcome, cases[i].kind == DEPLOY_PLAN ? DEPLOY_PLANNED : DEPLOY_LIVE);
	}
}

static void test_the_end_is_told_once_and_in_time(void **unused)
{
	(void)unused;
	struct deploy d = in_state(DEPLOY_SWAPPING);
	unsigned actions = deploy_step(&d, &(struct deploy_event){.type = DEPLOY_EVENT_DONE});
	assert_true(actions & DEPLOY_DO_TELL_END);
	assert_true(actions & DEPLOY_DO_GUARD);
	actions = deploy_step(
		&d, &(struct deploy_event){
			    .type = DEPLOY_EVENT_FAILED, .exit = 1, .reason = "crash loop"});
	assert_int_equal(actions, DEPLOY_DO_REVERT);
	assert_int_equal(d.outcome, DEPLOY_FAILED);
	assert_string_equal(d.reason, "crash loop");
	step(&d, DEPLOY_EVENT_DONE);
	actions = deploy_step(&d, &(struct deploy_event){.type = DEPLOY_EVENT_DONE});
	assert_int_equal(actions, DEPLOY_DO_FINISH);
}

static void test_what_a_restart_makes_of_each_state(void **unused)
{
	(void)unused;
	for (int s = DEPLOY_QUEUED; s < DEPLOY_ENDED; s++) {
		struct deploy d = in_state((enum deploy_state)s);
		step(&d, DEPLOY_EVENT_RESTART);
		while (d.state != DEPLOY_ENDED)
			step(&d, DEPLOY_EVENT_DONE);
		bool was_live = deploy_is_live_state((enum deploy_state)s);
		assert_int_equal(d.outcome, was_live ? DEPLOY_LIVE : DEPLOY_FAILED);
		assert_int_equal(d.exit == 0, was_live || s >= DEPLOY_REVERTING);
		if (s < DEPLOY_SWAPPING)
			assert_string_equal(d.reason, "interrupted by a restart of the agent");
	}
}

static void test_random_walks_end_with_a_verdict(void **unused)
{
	(void)unused;
	unsigned seed = 7;
	for (int walk = 0; walk < 20000; walk++) {
		struct deploy d = {.kind = (enum deploy_kind)(rand_r(&seed) % 4),
			.has_release_command = rand_r(&seed) % 2,
			.has_processes = rand_r(&seed) % 2};
		unsigned told = 0;
		int steps = 0;
		while (d.state != DEPLOY_ENDED) {
			/* Faults stop coming at last. */
			enum deploy_event_type type = DEPLOY_EVENT_DONE;
			if (d.state == DEPLOY_QUEUED)
				type = DEPLOY_EVENT_BEGIN;
			if (steps++ < 30 && rand_r(&seed) % 3 == 0)
				type = (enum deploy_event_type)(rand_r(&seed) % DEPLOY_EVENT_COUNT);
			if (!deploy_accepts(&d, type))
				continue;
			const struct deploy_event event = {.type = type, .exit = 8, .reason = "x"};
			if (deploy_step(&d, &event) & DEPLOY_DO_TELL_END)
				told++;
		}
		assert_int_equal(told, 1);
		assert_true(d.outcome != DEPLOY_OPEN);
		assert_int_equal(
			d.exit == 0, d.outcome == DEPLOY_LIVE || d.outcome == DEPLOY_PLANNED);
	}
}

static void test_names(void **unused)
{
	(void)unused;
	for (int i = 0; i < DEPLOY_STATE_COUNT; i++) {
		enum deploy_state s;
		assert_int_equal(
			deploy_state_parse(deploy_state_name((enum deploy_state)i), &s), 0);
		assert_int_equal(s, i);
	}
	for (int i = 0; i < DEPLOY_OUTCOME_COUNT; i++) {
		enum deploy_outcome o;
		const char *name = deploy_outcome_name((enum deploy_outcome)i);
		assert_int_equal(deploy_outcome_parse(name, &o), 0);
		assert_int_equal(o, i);
	}
	enum deploy_kind kind;
	assert_int_equal(deploy_kind_parse(deploy_kind_name(DEPLOY_PLAN), &kind), 0);
	assert_int_equal(kind, DEPLOY_PLAN);
	enum deploy_state none;
	assert_int_equal(deploy_state_parse("nonsense", &none), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_state_with_every_event),
		cmocka_unit_test(test_paths_by_kind),
		cmocka_unit_test(test_the_end_is_told_once_and_in_time),
		cmocka_unit_test(test_what_a_restart_makes_of_each_state),
		cmocka_unit_test(test_random_walks_end_with_a_verdict),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
