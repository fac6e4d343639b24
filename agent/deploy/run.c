/* SPDX-License-Identifier: Apache-2.0
 *
 * The runner: takes posted events one by one, lets deploy_step() decide, stores the new state, and
 * only then acts. A state that cannot be stored (the disk is full) is not entered; cleaning up and
 * ending are done all the same, because a new agent would do just that.
 *
 * The swap: the store's pointer to the live release moves in the transaction that enters "swapping",
 * before the proxy is told. The table is always built from the store, so that an agent that starts
 * after a crash in between publishes what the store says: they agree again, on the new release.
 */
#include "agent/deploy/run.h"

#include <errno.h>
#include <signal.h>

#include "agent/deploy/child.h"
#include "agent/deploy/publish.h"
#include "agent/deploy/release_files.h"
#include "agent/deploy/tail.h"
#include "agent/deploy/work.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

#define RETRY_MS 1000

struct posted {
	struct list link;
	uint64_t job;
	unsigned generation;
	enum deploy_event_type type;
	int exit;
	char *reason, *hint;
};

void engine_wake(struct engine *e)
{
	if (!ev_is_active(&e->soon)) {
		ev_timer_set(&e->soon, 0., 0.);
		ev_timer_start(e->loop, &e->soon);
	}
}

static struct posted *post(struct job *j, enum deploy_event_type type)
{
	struct posted *p = xnew(struct posted);

	p->job = j->deploy.id;
	p->generation = j->generation;
	p->type = type;
	list_append(&j->engine->posted, &p->link);
	engine_wake(j->engine);
	return p;
}

void job_post(struct job *j, enum deploy_event_type type)
{
	(void)post(j, type);
}

int job_fail(struct job *j, int exit, const char *hint, const char *fmt, ...)
{
	char reason[DEPLOY_REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	struct posted *p = post(j, DEPLOY_EVENT_FAILED);
	p->exit = exit;
	p->reason = xstrdup(reason);
	p->hint = hint ? xstrdup(hint) : NULL;
	return 0;
}

static void on_job_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct job *j = container_of(timer, struct job, timer);
	(void)loop;
	(void)events;
	j->on_timer(j);
}

void job_set_timer(struct job *j, uint64_t ms, void (*on_timer)(struct job *j))
{
	job_stop_timer(j);
	j->on_timer = on_timer;
	ev_timer_set(&j->timer, (double)ms / 1000., 0.);
	ev_now_update(j->engine->loop);
	ev_timer_start(j->engine->loop, &j->timer);
}

void job_stop_timer(struct job *j)
{
	ev_timer_stop(j->engine->loop, &j->timer);
}

struct job *job_new(struct engine *e, const char *app, enum deploy_kind kind)
{
	struct job *j = xnew(struct job);

	j->engine = e;
	copy_name(j->app, sizeof j->app, app);
	j->deploy.kind = kind;
	j->began_ms = clock_monotonic_ms();
	list_init(&j->checks);
	ev_init(&j->timer, on_job_timer);
	list_append(&e->jobs, &j->link);
	return j;
}

void job_free(struct job *j)
{
	list_remove(&j->link);
	job_stop_timer(j);
	work_check_stop(j);
	work_code_stop(j);
	child_free(j->child);
	tail_free(j->tail);
	event_log_unref(j->log);
	plan_free(j->plan);
	free(j->source);
	free(j->description);
	free(j);
}

struct job *engine_find_job(struct engine *e, uint64_t id)
{
	list_for_each (it, &e->jobs) {
		struct job *j = container_of(it, struct job, link);
		if (j->deploy.id == id)
			return j;
	}
	return NULL;
}

struct job *engine_find_release_job(struct engine *e, const char *app, unsigned release)
{
	list_for_each (it, &e->jobs) {
		struct job *j = container_of(it, struct job, link);
		if (j->deploy.release == release && streq(j->app, app))
			return j;
	}
	return NULL;
}

bool engine_has_job_on(
	struct engine *e, const char *app, unsigned release, const struct job *except)
{
	list_for_each (it, &e->jobs) {
		const struct job *j = container_of(it, struct job, link);
		if (j != except && streq(j->app, app) &&
			(j->code_release == release || j->deploy.release == release ||
				j->deploy.previous == release))
			return true;
	}
	return false;
}

bool job_owns_release(const struct job *j)
{
	return j->deploy.release > 0 && j->deploy.kind != DEPLOY_ROLLBACK;
}

void engine_test_stop(struct engine *e, enum deploy_state state, const char *suffix)
{
	const char *at = e->config.test_stop_at;

	if (!at)
		return;
	_cleanup_free_ char *name = xasprintf("%s%s", deploy_state_name(state), suffix);
	_cleanup_free_ char *pause = xasprintf("%s:pause", name);
	if (streq(at, name))
		(void)kill(getpid(), SIGKILL);
	else if (streq(at, pause))
		(void)kill(getpid(), SIGSTOP);
}

void job_open_log(struct job *j)
{
	_cleanup_free_ char *path = deploy_log_path(j->engine, j->app, j->deploy.id);
	j->log = event_log_open(path, OUTPUT_MAX);
}

void job_emit(struct job *j, json_t *event)
{
	must(event);
	if (!j->log || event_log_is_closed(j->log)) {
		json_decref(event);
		return;
	}
	event_log_add(j->log, event);
	engine_wake(j->engine);
}

static void on_retry(struct job *j)
{
	if (j->retry == DEPLOY_EVENT_FAILED)
		(void)job_fail(j, j->retry_exit, j->hint[0] ? j->hint : NULL, "%s", j->error);
	else
		job_post(j, j->retry);
}

static void retry_later(struct job *j, const struct deploy_event *event)
{
	j->retry = event->type;
	j->retry_exit = event->exit;
	/* The event may have been made of these very texts. */
	if (event->type == DEPLOY_EVENT_FAILED) {
		_cleanup_free_ char *reason = xstrdup(event->reason ? event->reason : "");
		_cleanup_free_ char *hint = xstrdup(event->hint ? event->hint : "");
		(void)snprintf(j->error, sizeof j->error, "%s", reason);
		(void)snprintf(j->hint, sizeof j->hint, "%s", hint);
	}
	job_set_timer(j, RETRY_MS, on_retry);
}

static void tell_end(struct job *j);

/* May the step be made although it could not be stored? A way back and an end are tried again until
 * the store takes them; the client need not wait for the end. */
static bool may_go_on(struct job *j, const struct deploy *next, const struct deploy_event *event,
	const struct err *err)
{
	log_error("deploy.not_stored", "id=%llu app=%s state=%s error=%s",
		(unsigned long long)next->id, j->app, deploy_state_name(next->state), err->msg);
	if (next->state <= DEPLOY_SWAPPING) {
		(void)job_fail(j, err->code == EEXIST ? 2 : 1, NULL, "%s", err->msg);
		return false;
	}
	if (next->state == DEPLOY_ENDED) {
		struct deploy before = j->deploy;
		j->deploy = *next;
		tell_end(j);
		j->deploy = before;
	}
	if (next->state != DEPLOY_ENDED && next->state != DEPLOY_REVERTING)
		return true;
	retry_later(j, event);
	return false;
}

/* What is in memory follows what was stored. */
static void take_over(struct job *j, enum deploy_state from)
{
	struct engine *e = j->engine;
	const struct deploy *d = &j->deploy;
	struct err err = {0};

	if (d->state == from)
		return;
	if (d->state == DEPLOY_SWAPPING) {
		live_set(e, j->app, d->release, j->code_release, take_ptr(j->plan));
		list_for_each (it, &e->jobs) {
			struct job *other = container_of(it, struct job, link);
			if (other != j && streq(other->app, j->app) &&
				other->deploy.state == DEPLOY_GUARDING)
				job_post(other, DEPLOY_EVENT_OVERTAKE);
		}
	} else if (d->state == DEPLOY_REVERTING) {
		if (live_load(e, j->app, d->previous, &err) < 0)
			log_error("deploy.old_release", "app=%s error=%s", j->app, err.msg);
	}
}

static void announce(struct job *j)
{
	const struct deploy *d = &j->deploy;

	log_info("deploy.state", "id=%llu app=%s release=%u state=%s%s%s",
		(unsigned long long)d->id, j->app, d->release, deploy_state_name(d->state),
		d->reason[0] ? " reason=" : "", d->reason);
	if (d->state <= DEPLOY_DRAINING)
		job_emit(j, json_pack("{s:s, s:s}", "type", "state", "state",
				    deploy_state_name(d->state)));
}

static void tell_end(struct job *j)
{
	struct deploy_row row;

	job_fill_row(j, &j->deploy, &row);
	json_t *event = deploy_end_event(j->engine, &row);
	(void)json_object_set_new(event, "ms", json_integer(clock_monotonic_ms() - j->began_ms));
	job_emit(j, event);
	if (j->log)
		event_log_close(j->log);
	engine_wake(j->engine);
}

static void act(struct job *j, unsigned actions)
{
	static const struct {
		unsigned action;
		void (*work)(struct job *j);
	} works[] = {
		{DEPLOY_DO_CHECKOUT, work_checkout},
		{DEPLOY_DO_BUILD, work_build},
		{DEPLOY_DO_RELEASE_COMMAND, work_release_command},
		{DEPLOY_DO_START, work_start},
		{DEPLOY_DO_CHECK, work_check},
		{DEPLOY_DO_SWAP, work_swap},
		{DEPLOY_DO_TELL_END, tell_end},
		{DEPLOY_DO_GUARD, work_guard},
		{DEPLOY_DO_DRAIN, work_drain_old},
		{DEPLOY_DO_STOP_OLD, work_stop_old},
		{DEPLOY_DO_REVERT, work_revert},
		{DEPLOY_DO_CLEAN, work_clean},
	};
	for (size_t i = 0; i < ARRAY_SIZE(works); i++)
		if (actions & works[i].action)
			works[i].work(j);
}

/* What the state began and the next one does not want to hear of. */
static void leave(struct job *j, enum deploy_state from)
{
	job_stop_timer(j);
	work_check_stop(j);
	work_code_stop(j);
	if (from == DEPLOY_STARTING || from == DEPLOY_CHECKING || from == DEPLOY_GUARDING)
		j->wants_logs = j->deploy.outcome == DEPLOY_FAILED;
	if (deploy_is_live_state(from))
		j->was_live = true;
}

static void job_step(struct job *j, const struct deploy_event *event)
{
	struct engine *e = j->engine;
	struct deploy next = j->deploy;
	enum deploy_state from = next.state;
	const struct live *live = live_get(e, j->app);
	struct err err = {0};

	if (event->type == DEPLOY_EVENT_DONE)
		engine_test_stop(e, from, "+");
	unsigned actions = deploy_step(&next, event);
	if (next.state == DEPLOY_SWAPPING && from != DEPLOY_SWAPPING)
		next.previous = live ? live->release : 0;
	if (actions & DEPLOY_DO_TELL_END)
		j->ended_ms = clock_wall_ms();
	if (job_record(j, &next, from, &err) < 0 && !may_go_on(j, &next, event, &err))
		return;
	j->deploy = next;
	j->generation++;
	leave(j, from);
	take_over(j, from);
	engine_test_stop(e, next.state, "");
	announce(j);
	act(j, actions);
	if (actions & DEPLOY_DO_FINISH) {
		_cleanup_free_ char *app = xstrdup(j->app);
		if (from == DEPLOY_QUEUED)
			work_discard_release(j);
		job_free(j);
		work_prune(e, app);
		engine_wake(e);
	}
}

static void posted_done(struct posted *p)
{
	free(p->reason);
	free(p->hint);
	free(p);
}

void posted_free(struct engine *e)
{
	list_for_each_safe (it, &e->posted)
		posted_done(container_of(it, struct posted, link));
	list_init(&e->posted);
}

static void handle(struct engine *e, struct posted *p)
{
	struct job *j = engine_find_job(e, p->job);
	bool is_answer = p->type == DEPLOY_EVENT_DONE || p->type == DEPLOY_EVENT_FAILED;

	if (j && deploy_accepts(&j->deploy, p->type) &&
		(!is_answer || p->generation == j->generation)) {
		const struct deploy_event event = {
			.type = p->type, .exit = p->exit, .reason = p->reason, .hint = p->hint};
		job_step(j, &event);
	}
	posted_done(p);
}

/* May the queued job begin beside the other one of the same app? */
static bool can_begin_beside(const struct job *j, const struct job *other)
{
	switch ((int)other->deploy.state) {
	case DEPLOY_GUARDING:
	case DEPLOY_DRAINING:
		return true;
	case DEPLOY_STOPPING:
		/* It may be stopping the very release that is wanted back. */
		return j->deploy.kind != DEPLOY_ROLLBACK;
	case DEPLOY_QUEUED:
		return other->deploy.id > j->deploy.id;
	default:
		return false;
	}
}

static bool can_begin(struct job *j) /* not const: libev casts */
{
	/* Its timer runs when it has ended and the store did not take that yet. */
	if (j->deploy.state != DEPLOY_QUEUED || ev_is_active(&j->timer))
		return false;
	list_for_each (it, &j->engine->jobs) {
		const struct job *other = container_of(it, struct job, link);
		if (other != j && streq(other->app, j->app) && j->deploy.kind != DEPLOY_PLAN &&
			other->deploy.kind != DEPLOY_PLAN && !can_begin_beside(j, other))
			return false;
	}
	return true;
}

/* The release that goes live again is still being drained: whoever was to end it leaves it alone. */
static void reclaim(struct job *j)
{
	list_for_each (it, &j->engine->jobs) {
		struct job *other = container_of(it, struct job, link);
		if (other != j && streq(other->app, j->app) && other->deploy.previous > 0 &&
			other->deploy.previous == j->deploy.release)
			job_post(other, DEPLOY_EVENT_RECLAIM);
	}
}

static void begin(struct job *j)
{
	struct err err = {0};
	int code = 1;

	if (job_prepare(j, &code, &err) < 0) {
		const struct deploy_event failed = {
			.type = DEPLOY_EVENT_FAILED, .exit = code, .reason = err.msg};
		job_step(j, &failed);
		return;
	}
	const struct deploy_event event = {.type = DEPLOY_EVENT_BEGIN};
	struct engine *e = j->engine;
	uint64_t id = j->deploy.id;
	job_step(j, &event);
	j = engine_find_job(e, id);
	if (j && j->deploy.state != DEPLOY_QUEUED) /* else the failure to store it is posted */
		reclaim(j);
}

static struct job *next_to_begin(struct engine *e)
{
	list_for_each (it, &e->jobs) {
		struct job *j = container_of(it, struct job, link);
		if (can_begin(j))
			return j;
	}
	return NULL;
}

/* One thing a turn of the loop: each may wait for the disk, and who asked wants an answer first. What
 * is posted comes before what waits: a failure to begin must be heard of before the next try. */
void on_engine_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct engine *e = container_of(timer, struct engine, soon);
	struct list *first = list_pop_front(&e->posted);
	struct job *j = first ? NULL : next_to_begin(e);
	(void)loop;
	(void)events;

	if (first)
		handle(e, container_of(first, struct posted, link));
	else if (j)
		begin(j);
	if (!list_is_empty(&e->posted) || next_to_begin(e))
		engine_wake(e);
	engine_run_builds(e);
	subscriptions_pump(e);
}
