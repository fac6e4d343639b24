/* SPDX-License-Identifier: Apache-2.0
 *
 * struct deploy: where one deploy stands, and what comes next. Pure: deploy_step() takes an event and
 * answers with the actions to do; it reads no clock, no file, no store. The runner (run.c) stores
 * the new state first, then acts; every action can be done again after a crash.
 *
 *	queued -> checkout -> building -> releasing -> starting -> checking -> swapping -> guarding
 *	       -> draining -> stopping -> ended
 *	any before swapping, when it fails or is cancelled -> cleaning -> ended
 *	swapping or guarding, when it fails -> reverting -> cleaning -> ended
 */
#ifndef BERTH_AGENT_DEPLOY_H
#define BERTH_AGENT_DEPLOY_H

#include <stdbool.h>

#include "agent/deploy/engine.h"

enum deploy_state {
	DEPLOY_QUEUED,
	DEPLOY_CHECKOUT, /* the commit's tree goes into the release's folder */
	DEPLOY_BUILDING,
	DEPLOY_RELEASING, /* the release command runs, the old release serves */
	DEPLOY_STARTING,
	DEPLOY_CHECKING, /* until every new instance is healthy */
	DEPLOY_SWAPPING, /* stored as live; the proxy is told */
	DEPLOY_GUARDING, /* live and told; swaps back if it crashes */
	DEPLOY_DRAINING, /* the old release answers its last requests */
	DEPLOY_STOPPING, /* the old instances end */
	DEPLOY_REVERTING, /* stored: the old release is live again; the proxy is told */
	DEPLOY_CLEANING, /* what the deploy made is taken away */
	DEPLOY_ENDED,
	DEPLOY_STATE_COUNT
};

enum deploy_outcome {
	DEPLOY_OPEN, /* none yet */
	DEPLOY_LIVE,
	DEPLOY_FAILED,
	DEPLOY_CANCELLED,
	DEPLOY_SUPERSEDED,
	DEPLOY_PLANNED,
	DEPLOY_OUTCOME_COUNT
};

enum deploy_event_type {
	DEPLOY_EVENT_BEGIN, /* its turn has come */
	DEPLOY_EVENT_DONE, /* the work of the state is done */
	DEPLOY_EVENT_FAILED, /* it cannot be done; exit and reason say why */
	DEPLOY_EVENT_CANCEL,
	DEPLOY_EVENT_SUPERSEDE, /* a newer deploy of the app was queued */
	DEPLOY_EVENT_OVERTAKE, /* a newer deploy of the app goes live: guard no longer */
	DEPLOY_EVENT_RECLAIM, /* another deploy wants the old release: leave it alone */
	DEPLOY_EVENT_RESTART, /* found in this state by a new agent */
	DEPLOY_EVENT_COUNT
};

/* Bits, in the order in which they are done. */
enum deploy_action {
	DEPLOY_DO_CHECKOUT = 1 << 0,
	DEPLOY_DO_BUILD = 1 << 1,
	DEPLOY_DO_RELEASE_COMMAND = 1 << 2,
	DEPLOY_DO_START = 1 << 3,
	DEPLOY_DO_CHECK = 1 << 4,
	DEPLOY_DO_SWAP = 1 << 5,
	DEPLOY_DO_TELL_END = 1 << 6, /* the client's answer: not later than the swap */
	DEPLOY_DO_GUARD = 1 << 7,
	DEPLOY_DO_DRAIN = 1 << 8,
	DEPLOY_DO_STOP_OLD = 1 << 9,
	DEPLOY_DO_REVERT = 1 << 10,
	DEPLOY_DO_CLEAN = 1 << 11,
	DEPLOY_DO_FINISH = 1 << 12, /* prune, let the next one begin */
};

#define DEPLOY_REASON_MAX 512

struct deploy {
	uint64_t id;
	enum deploy_kind kind;
	enum deploy_state state; /* changed by deploy_step() alone */
	enum deploy_outcome outcome;
	bool told; /* the end was told to the client */
	int exit;
	char reason[DEPLOY_REASON_MAX];
	char hint[DEPLOY_REASON_MAX];
	/* What the plan says; known when building is done, or from the start without a build. */
	bool has_release_command, has_processes;
	unsigned release, previous; /* what goes live, and what was live at the swap; 0: none */
};

struct deploy_event {
	enum deploy_event_type type;
	int exit; /* DEPLOY_EVENT_FAILED */
	const char *reason, *hint; /* copied, cut; hint may be NULL */
};

/* Is there a transition? An event without one is a programming error for deploy_step(). */
bool deploy_accepts(const struct deploy *d, enum deploy_event_type type);

/* Makes the transition; returns the actions. */
unsigned deploy_step(struct deploy *d, const struct deploy_event *event);

/* Is the release (stored as) live in this state? Decides what a restart completes or reverts. */
bool deploy_is_live_state(enum deploy_state state);

const char *deploy_state_name(enum deploy_state state);
const char *deploy_outcome_name(enum deploy_outcome outcome);
const char *deploy_kind_name(enum deploy_kind kind);
/* -EINVAL: no such name. */
int deploy_state_parse(const char *name, enum deploy_state *ret);
int deploy_outcome_parse(const char *name, enum deploy_outcome *ret);
int deploy_kind_parse(const char *name, enum deploy_kind *ret);

#endif
