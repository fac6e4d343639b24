/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the engine share. Private to agent/deploy. Read in this order: run.c (events,
 * states), record.c (the store), prepare.c and work_*.c (the actions in the order of a deploy, work.h),
 * instances.c, publish.c, subscribe.c, recover.c.
 *
 * Nothing happens inside a caller's call: events are posted and handled from the loop, one at a
 * time, so that no function needs to expect its own state to change under it.
 */
#ifndef BERTH_AGENT_RUN_H
#define BERTH_AGENT_RUN_H

#include <ev.h>

#include "agent/deploy/deploy.h"
#include "agent/deploy/events.h"
#include "agent/deploy/ports.h"
#include "agent/edge/edge.h"
#include "agent/runtime/runtime.h"
#include "agent/store/progress.h"
#include "builders/plan.h"
#include "lib/base/list.h"
#include "lib/base/map.h"

#define OUTPUT_MAX (8u << 20) /* of a deploy's programs, kept */
#define PLAN_NUMBER_BASE 1000000000u /* folders of plan-only deploys: no release has the number */
#define QUEUE_MAX 64

struct child;
struct tail;
struct janitor;

struct engine {
	struct ev_loop *loop;
	struct engine_config config;
	struct runtime_paths paths;
	struct store *store;
	struct edge *edge;
	struct runtime *runtime; /* NULL until engine_start() */
	struct runtime_callbacks callbacks;
	struct list jobs; /* oldest first */
	struct list posted; /* events to handle */
	struct list tickets; /* questions to the edge that are not answered yet */
	struct list subscriptions;
	struct list instances;
	struct map lives; /* app: struct live */
	struct ports ports;
	struct janitor *janitor;
	ev_timer soon, republish, start_again;
	unsigned builds; /* that run now */
};

/* Copies a name that was checked when it came in. */
static inline void copy_name(char *to, size_t size, const char *from)
{
	int r = str_copy(to, size, str_from(from));
	must(r == 0);
}

/* One deploy that is not over. */
struct job {
	struct list link;
	struct engine *engine;
	struct deploy deploy;
	char app[IDENT_APP_MAX + 1];
	char commit[IDENT_COMMIT_LEN + 1];
	char *source, *description;
	unsigned wanted; /* rollback: to which release, 0 the previous one */
	int64_t created_ms, ended_ms, began_ms; /* began: monotonic */
	unsigned code_release;
	struct plan *plan; /* until the swap, then the live's */
	struct event_log *log;
	unsigned generation; /* counts steps: what was begun before one is not an answer after it */

	ev_timer timer;
	void (*on_timer)(struct job *j);
	/* checkout, build, release command */
	struct child *child;
	bool task_runs, waits_for_turn;
	enum task_kind task;
	char error[DEPLOY_REASON_MAX], hint[DEPLOY_REASON_MAX]; /* what berth-build said */
	/* an event whose state the store did not take: tried again */
	enum deploy_event_type retry;
	int retry_exit;
	/* starting and checking */
	struct list checks;
	size_t unhealthy;
	/* guard, drain */
	unsigned crashes;
	bool counts_known;
	uint64_t requests_before, errors_before;
	int64_t until_ms; /* monotonic: end of the guard, or of the drain */
	bool told_wait; /* that the way back waits for the disk */
	/* cleaning */
	struct tail *tail;
	bool was_live, wants_logs, logs_done, draining, drained;
};

/* run.c */
void engine_wake(struct engine *e); /* handles events and queues from the loop, soon */
void posted_free(struct engine *e);
void job_post(struct job *j, enum deploy_event_type type);
int job_fail(struct job *j, int exit, const char *hint, const char *fmt, ...) PRINTF_LIKE(4, 5);
struct job *job_new(struct engine *e, const char *app, enum deploy_kind kind);
void job_free(struct job *j);
struct job *engine_find_job(struct engine *e, uint64_t id);
struct job *engine_find_release_job(struct engine *e, const char *app, unsigned release);
/* Does a deploy but `except` build, start, run the code of, or end this release? */
bool engine_has_job_on(
	struct engine *e, const char *app, unsigned release, const struct job *except);
bool job_owns_release(const struct job *j); /* made it, so may take it away */
void job_set_timer(struct job *j, uint64_t ms, void (*on_timer)(struct job *j));
void job_stop_timer(struct job *j);
void job_emit(struct job *j, json_t *event); /* takes the event */
void job_open_log(struct job *j);
void engine_test_stop(struct engine *e, enum deploy_state state, const char *suffix);
/* record.c: a row of the store from a job; its strings are borrowed from the job. */
void job_fill_row(const struct job *j, const struct deploy *d, struct deploy_row *ret);
int job_record(struct job *j, const struct deploy *next, enum deploy_state from, struct err *err);
/* recover.c: apps that could not be started when the agent was. */
void on_start_again(struct ev_loop *loop, ev_timer *timer, int events);
void on_engine_soon(struct ev_loop *loop, ev_timer *timer, int events);

#endif
