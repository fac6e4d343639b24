/* SPDX-License-Identifier: Apache-2.0
 *
 * Going live and what follows: the proxy is told, the new release is guarded while the old one is
 * still up, the old one answers its last requests and ends. Or back, when it does not work.
 */
#include <errno.h>

#include "agent/deploy/instances.h"
#include "agent/deploy/publish.h"
#include "agent/deploy/run.h"
#include "agent/deploy/work.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/data/json.h"

#define RETRY_MS 1000
#define GUARD_POLL_MS 1000
#define DRAIN_POLL_MS 100
#define STOP_PATIENCE_MS 120000 /* longer than any stop timeout: the runtime forgot to answer */
#define CRASHES_MAX 2 /* within the guard: the second one is a loop */
#define BURST_ERRORS 10 /* 5xx, and at least half of all answers */

enum { EXIT_APP = 1, EXIT_TIMEOUT = 124 };

static void on_swapped(struct job *j, int result, const struct err *err)
{
	if (result == 0)
		job_post(j, DEPLOY_EVENT_DONE);
	else if (result == -ENOTCONN)
		(void)job_fail(j, EXIT_TIMEOUT, "look at the log of berth-proxy",
			"the proxy did not take the new routes in time: %s", err->msg);
	else
		(void)job_fail(j, EXIT_APP, NULL, "the proxy refused the new routes: %s", err->msg);
}

void work_swap(struct job *j)
{
	struct err err = {0};

	if (publish_table(j->engine, j, on_swapped, &err) < 0)
		(void)job_fail(j, EXIT_APP, NULL, "%s", err.msg);
}

/* The file of routes is the old release's again, whether or not the proxy could be told now. */
static void on_reverted(struct job *j, int result, const struct err *err)
{
	if (result < 0)
		log_warn("deploy.revert", "app=%s error=%s", j->app, err->msg);
	if (result == 0 || result == -ENOTCONN)
		job_post(j, DEPLOY_EVENT_DONE);
	else
		job_set_timer(j, RETRY_MS, work_revert);
}

/* Who waits for the end learns what it takes, once. */
static void tell_revert_waits(struct job *j, const struct err *err)
{
	if (j->told_wait)
		return;
	j->told_wait = true;
	_cleanup_free_ char *text =
		xasprintf("the deploy failed, and its end waits until the routes can be stored: %s",
			err->msg);
	job_emit(j, json_pack("{s:s, s:s}", "type", "notice", "text", text));
}

void work_revert(struct job *j)
{
	struct err err = {0};

	if (publish_table(j->engine, j, on_reverted, &err) < 0) {
		log_warn("deploy.revert", "app=%s error=%s", j->app, err.msg);
		tell_revert_waits(j, &err);
		job_set_timer(j, RETRY_MS, work_revert);
	}
}

static void on_guard_timer(struct job *j);

static void on_guard_counts(struct job *j, int result, const struct edge_counts *counts)
{
	if (result < 0 || !counts->known)
		return;
	if (!j->counts_known) {
		j->counts_known = true;
		j->requests_before = counts->requests;
		j->errors_before = counts->errors_5xx;
		return;
	}
	uint64_t requests = counts->requests - j->requests_before;
	uint64_t errors = counts->errors_5xx - j->errors_before;
	if (errors >= BURST_ERRORS && errors * 2 >= requests)
		(void)job_fail(j, EXIT_APP, NULL,
			"swapped back: %llu of the first %llu answers of v%u were errors",
			(unsigned long long)errors, (unsigned long long)requests,
			j->deploy.release);
}

static void poll_guard(struct job *j)
{
	int64_t left = j->until_ms - clock_monotonic_ms();

	(void)ask_counts(j, j->deploy.release, on_guard_counts);
	job_set_timer(j, (uint64_t)(left < GUARD_POLL_MS ? (left > 0 ? left : 0) : GUARD_POLL_MS),
		on_guard_timer);
}

static void on_guard_timer(struct job *j)
{
	if (clock_monotonic_ms() >= j->until_ms)
		job_post(j, DEPLOY_EVENT_DONE);
	else
		poll_guard(j);
}

void work_guard(struct job *j)
{
	/* Without an old release there is nothing to swap back to. */
	if (j->deploy.previous == 0 || j->engine->config.guard_ms == 0) {
		job_post(j, DEPLOY_EVENT_DONE);
		return;
	}
	j->crashes = 0;
	j->counts_known = false;
	j->until_ms = clock_monotonic_ms() + (int64_t)j->engine->config.guard_ms;
	poll_guard(j);
}

void work_guard_on_change(struct job *j, const struct instance_status *s)
{
	if (j->deploy.previous == 0)
		return;
	if (s->state == INSTANCE_RESTARTING)
		j->crashes++;
	if (s->state == INSTANCE_FAILED || j->crashes >= CRASHES_MAX)
		(void)job_fail(j, EXIT_APP, NULL, "swapped back: %s.%u of v%u %s again and again",
			s->id.process, s->id.index, s->id.release,
			s->reason[0] ? s->reason : "ended");
}

/* Drain: `wanted` is kept in the job's state: draining is the old one's, cleaning the new one's. */
static unsigned drained_release(const struct job *j)
{
	return j->deploy.state == DEPLOY_DRAINING ? j->deploy.previous : j->deploy.release;
}

static void (*on_drained_of(const struct job *j))(struct job *)
{
	return j->deploy.state == DEPLOY_DRAINING ? work_drain_old : work_clean;
}

static void drain_done(struct job *j)
{
	j->drained = true;
	job_stop_timer(j);
	on_drained_of(j)(j);
}

static void on_drain_timer(struct job *j);

static void on_drain_counts(struct job *j, int result, const struct edge_counts *counts)
{
	/* A proxy that does not answer may still have requests: the timeout decides. */
	if (j->drained || result < 0 || (counts->known && counts->inflight > 0))
		return;
	drain_done(j);
}

static void poll_drain(struct job *j)
{
	(void)ask_counts(j, drained_release(j), on_drain_counts);
	job_set_timer(j, DRAIN_POLL_MS, on_drain_timer);
}

static void on_drain_timer(struct job *j)
{
	if (clock_monotonic_ms() >= j->until_ms)
		drain_done(j);
	else
		poll_drain(j);
}

/* Waits until the proxy has nothing in flight to a release that it routes to no more; then the
 * state's work goes on, with `drained` set. */
void work_drain(struct job *j)
{
	j->until_ms = clock_monotonic_ms() + (int64_t)j->engine->config.drain_timeout_ms;
	poll_drain(j);
}

void work_drain_old(struct job *j)
{
	/* A rollback to the live release's own instances does not exist; none before: nothing to do. */
	if (j->drained || j->deploy.previous == 0 || j->deploy.previous == j->deploy.release)
		job_post(j, DEPLOY_EVENT_DONE);
	else
		work_drain(j);
}

static void on_stop_patience(struct job *j)
{
	log_warn("deploy.stop", "app=%s release=%u: its end was not reported", j->app,
		j->deploy.previous);
	instances_forget(j->engine, j->app, j->deploy.previous);
	job_post(j, DEPLOY_EVENT_DONE);
}

void work_stop_old(struct job *j)
{
	const struct live *live = live_get(j->engine, j->app);
	unsigned old = j->deploy.previous;

	/* It may be live again by a later deploy that ended before this one. */
	if (old == 0 || (live && live->release == old) || instances_stop(j->engine, j->app, old))
		job_post(j, DEPLOY_EVENT_DONE);
	else
		job_set_timer(j, STOP_PATIENCE_MS, on_stop_patience);
}

void engine_on_release_stopped(struct engine *e, const char *app, unsigned release)
{
	list_for_each_safe (it, &e->jobs) {
		struct job *j = container_of(it, struct job, link);
		if (!streq(j->app, app))
			continue;
		if (j->deploy.state == DEPLOY_STOPPING && j->deploy.previous == release)
			job_post(j, DEPLOY_EVENT_DONE);
		else if (j->deploy.state == DEPLOY_CLEANING && j->deploy.release == release)
			work_clean(j);
	}
}
