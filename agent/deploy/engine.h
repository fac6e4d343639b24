/* SPDX-License-Identifier: Apache-2.0
 *
 * struct engine: all deploys of the host. It owns their state machines (agent/deploy/deploy.h, pure)
 * and runs the actions they ask for. One deploy at a time per app; a newer one supersedes a queued
 * one; builds are serialised per host by memory.
 *
 * A deploy is one of: a commit (checkout, build, release command, start, health, swap, drain); a
 * rollback (start, health, swap, drain of a kept release, with its env); a change of the app's
 * environment (the live code with new env, no build).
 */
#ifndef BERTH_AGENT_ENGINE_H
#define BERTH_AGENT_ENGINE_H

#include <stdbool.h>

#include "agent/store/store.h"
#include "lib/base/err.h"

struct engine;
struct edge;
struct runtime;
struct runtime_paths;
struct ev_loop;

struct engine_config {
	const struct runtime_paths *paths;
	uint64_t build_memory_max; /* bytes */
	uint64_t build_timeout_ms;
	uint64_t release_command_timeout_ms;
	uint64_t drain_timeout_ms;
	uint64_t guard_ms; /* crash loops and bursts of 5xx within it swap back */
	unsigned releases_kept; /* beside the live one */
	unsigned port_min, port_max; /* loopback ports for instances */
	const char *build_env_path; /* file of NAME=VALUE lines given to every build, or NULL */
	const char *base_domain; /* "localhost": an app's default host is <app>.<base_domain> */
	const char *admin_host; /* the API's host, which no app may have; may be NULL */
	/* For crash tests: kills the agent when a deploy is stored in this state, before it acts
	 * ("swapping"), or after its work and before the next state is stored ("swapping+"); with
	 * ":pause" behind it the agent stops (SIGSTOP) instead, so that its neighbours can be killed.
	 * From BERTH_TEST_STOP_AT, which only who starts the agent can set; else NULL. */
	const char *test_stop_at;
};

struct engine *engine_new(struct ev_loop *loop, const struct engine_config *config,
	struct store *store, struct edge *edge, struct err *err);
void engine_free(struct engine *e);

/* The runtime reports to the engine, so it is made after it with these callbacks. */
const struct runtime_callbacks *engine_runtime_callbacks(struct engine *e);
/* Takes up what a former agent left: resumes or reverts interrupted deploys, starts missing
 * instances, removes what no release owns. Call once, when runtime and edge are ready. */
int engine_start(struct engine *e, struct runtime *runtime, struct err *err);

enum deploy_kind { DEPLOY_COMMIT, DEPLOY_ROLLBACK, DEPLOY_ENV, DEPLOY_PLAN };

struct deploy_request {
	const char *app;
	enum deploy_kind kind;
	const char *commit; /* DEPLOY_COMMIT and DEPLOY_PLAN: 40 hex digits, in git/<app>.git */
	const char *source; /* JSON for struct release_row, may be NULL */
	unsigned release; /* DEPLOY_ROLLBACK: to which, 0 the previous good one */
	const char *description;
};

/* Queues a deploy; its id counts up over all apps. Refused: -ENOENT (no such app, release or commit
 * form), -EEXIST (a rollback to what is live), -ENODATA (a change of env when nothing is live),
 * -EBUSY (the queue is full). The deploy begins from the loop, never within the call. */
int engine_deploy(
	struct engine *e, const struct deploy_request *r, uint64_t *ret_id, struct err *err);
/* -ENOENT: unknown; -EALREADY: it has ended, or is being made live. */
int engine_cancel(struct engine *e, uint64_t id, struct err *err);

/* Events of a deploy as JSON lines (docs/api.md), from the first, then as they come. The last one
 * has "type":"end"; after it the subscription is over. Lines are kept for the last deploys. */
struct deploy_subscription;
typedef void (*deploy_on_event)(void *data, const char *json_line, bool is_last);
int engine_subscribe(struct engine *e, uint64_t id, deploy_on_event on_event, void *data,
	struct deploy_subscription **ret, struct err *err);
void engine_unsubscribe(struct deploy_subscription *s); /* accepts NULL */
/* A subscriber that cannot take more just now: nothing is lost, it comes when it can. Also from
 * within on_event. */
void engine_pause(struct deploy_subscription *s, bool is_paused);

/* {"id","app","kind","state","release",...} of one deploy; caller frees. NULL: unknown id. */
char *engine_describe(struct engine *e, uint64_t id);

/* Processes of an app with their live state, as JSON for GET /v1/apps/{app}/ps; caller frees. */
char *engine_processes(struct engine *e, const char *app);

/* May the app have this domain? -EEXIST names whose it is: another app's, an app's default name
 * (<app>.<base domain>), the API's. For whoever adds a domain to the store. */
int engine_check_domain(
	const struct engine *e, const char *app, const char *domain, struct err *err);

/* A domain was added or removed: publishes the routes again. */
int engine_publish(struct engine *e, struct err *err);

/* Ends and removes an app: deploys, instances, releases, routes; volumes stay. */
int engine_remove_app(struct engine *e, const char *app, struct err *err);

#endif
