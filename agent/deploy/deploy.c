/* SPDX-License-Identifier: Apache-2.0
 *
 * The state machine of a deploy: one table of legal transitions, one setter. No I/O here.
 */
#include "agent/deploy/deploy.h"

#include <errno.h>

#include "lib/base/str.h"

static const char *const state_names[DEPLOY_STATE_COUNT] = {
	[DEPLOY_QUEUED] = "queued",
	[DEPLOY_CHECKOUT] = "checkout",
	[DEPLOY_BUILDING] = "building",
	[DEPLOY_RELEASING] = "releasing",
	[DEPLOY_STARTING] = "starting",
	[DEPLOY_CHECKING] = "checking",
	[DEPLOY_SWAPPING] = "swapping",
	[DEPLOY_GUARDING] = "guarding",
	[DEPLOY_DRAINING] = "draining",
	[DEPLOY_STOPPING] = "stopping",
	[DEPLOY_REVERTING] = "reverting",
	[DEPLOY_CLEANING] = "cleaning",
	[DEPLOY_ENDED] = "ended",
};

static const char *const outcome_names[DEPLOY_OUTCOME_COUNT] = {
	[DEPLOY_OPEN] = "",
	[DEPLOY_LIVE] = "live",
	[DEPLOY_FAILED] = "failed",
	[DEPLOY_CANCELLED] = "cancelled",
	[DEPLOY_SUPERSEDED] = "superseded",
	[DEPLOY_PLANNED] = "planned",
};

static const char *const kind_names[] = {
	[DEPLOY_COMMIT] = "commit",
	[DEPLOY_ROLLBACK] = "rollback",
	[DEPLOY_ENV] = "env",
	[DEPLOY_PLAN] = "plan",
};

/* What a transition leads to. NEXT: the next state with work, by kind and plan. */
enum { NEXT = DEPLOY_STATE_COUNT, STAY };

static const struct transition {
	enum deploy_state from;
	enum deploy_event_type on;
	int to;
} transitions[] = {
	{DEPLOY_QUEUED, DEPLOY_EVENT_BEGIN, NEXT},
	{DEPLOY_QUEUED, DEPLOY_EVENT_FAILED, DEPLOY_ENDED},
	{DEPLOY_QUEUED, DEPLOY_EVENT_CANCEL, DEPLOY_ENDED},
	{DEPLOY_QUEUED, DEPLOY_EVENT_SUPERSEDE, DEPLOY_ENDED},
	{DEPLOY_QUEUED, DEPLOY_EVENT_RESTART, DEPLOY_ENDED},

	{DEPLOY_CHECKOUT, DEPLOY_EVENT_DONE, NEXT},
	{DEPLOY_CHECKOUT, DEPLOY_EVENT_FAILED, DEPLOY_CLEANING},
	{DEPLOY_CHECKOUT, DEPLOY_EVENT_CANCEL, DEPLOY_CLEANING},
	{DEPLOY_CHECKOUT, DEPLOY_EVENT_RESTART, DEPLOY_CLEANING},

	{DEPLOY_BUILDING, DEPLOY_EVENT_DONE, NEXT},
	{DEPLOY_BUILDING, DEPLOY_EVENT_FAILED, DEPLOY_CLEANING},
	{DEPLOY_BUILDING, DEPLOY_EVENT_CANCEL, DEPLOY_CLEANING},
	{DEPLOY_BUILDING, DEPLOY_EVENT_RESTART, DEPLOY_CLEANING},

	{DEPLOY_RELEASING, DEPLOY_EVENT_DONE, NEXT},
	{DEPLOY_RELEASING, DEPLOY_EVENT_FAILED, DEPLOY_CLEANING},
	{DEPLOY_RELEASING, DEPLOY_EVENT_CANCEL, DEPLOY_CLEANING},
	{DEPLOY_RELEASING, DEPLOY_EVENT_RESTART, DEPLOY_CLEANING},

	{DEPLOY_STARTING, DEPLOY_EVENT_DONE, NEXT},
	{DEPLOY_STARTING, DEPLOY_EVENT_FAILED, DEPLOY_CLEANING},
	{DEPLOY_STARTING, DEPLOY_EVENT_CANCEL, DEPLOY_CLEANING},
	{DEPLOY_STARTING, DEPLOY_EVENT_RESTART, DEPLOY_CLEANING},

	{DEPLOY_CHECKING, DEPLOY_EVENT_DONE, NEXT},
	{DEPLOY_CHECKING, DEPLOY_EVENT_FAILED, DEPLOY_CLEANING},
	{DEPLOY_CHECKING, DEPLOY_EVENT_CANCEL, DEPLOY_CLEANING},
	{DEPLOY_CHECKING, DEPLOY_EVENT_RESTART, DEPLOY_CLEANING},

	/* From here on the store says that the new release is live: a restart completes. */
	{DEPLOY_SWAPPING, DEPLOY_EVENT_DONE, DEPLOY_GUARDING},
	{DEPLOY_SWAPPING, DEPLOY_EVENT_FAILED, DEPLOY_REVERTING},
	{DEPLOY_SWAPPING, DEPLOY_EVENT_RESTART, STAY},

	{DEPLOY_GUARDING, DEPLOY_EVENT_DONE, DEPLOY_DRAINING},
	{DEPLOY_GUARDING, DEPLOY_EVENT_FAILED, DEPLOY_REVERTING},
	{DEPLOY_GUARDING, DEPLOY_EVENT_OVERTAKE, DEPLOY_DRAINING},
	{DEPLOY_GUARDING, DEPLOY_EVENT_RECLAIM, DEPLOY_ENDED},
	/* What the guard compares with may be gone since: the new release stays. */
	{DEPLOY_GUARDING, DEPLOY_EVENT_RESTART, DEPLOY_DRAINING},

	{DEPLOY_DRAINING, DEPLOY_EVENT_DONE, DEPLOY_STOPPING},
	{DEPLOY_DRAINING, DEPLOY_EVENT_RECLAIM, DEPLOY_ENDED},
	{DEPLOY_DRAINING, DEPLOY_EVENT_RESTART, STAY},

	{DEPLOY_STOPPING, DEPLOY_EVENT_DONE, DEPLOY_ENDED},
	{DEPLOY_STOPPING, DEPLOY_EVENT_RESTART, STAY},

	{DEPLOY_REVERTING, DEPLOY_EVENT_DONE, DEPLOY_CLEANING},
	{DEPLOY_REVERTING, DEPLOY_EVENT_RESTART, STAY},

	{DEPLOY_CLEANING, DEPLOY_EVENT_DONE, DEPLOY_ENDED},
	{DEPLOY_CLEANING, DEPLOY_EVENT_RESTART, STAY},
};

static const unsigned state_actions[DEPLOY_STATE_COUNT] = {
	[DEPLOY_CHECKOUT] = DEPLOY_DO_CHECKOUT,
	[DEPLOY_BUILDING] = DEPLOY_DO_BUILD,
	[DEPLOY_RELEASING] = DEPLOY_DO_RELEASE_COMMAND,
	[DEPLOY_STARTING] = DEPLOY_DO_START,
	[DEPLOY_CHECKING] = DEPLOY_DO_CHECK,
	[DEPLOY_SWAPPING] = DEPLOY_DO_SWAP,
	[DEPLOY_GUARDING] = DEPLOY_DO_TELL_END | DEPLOY_DO_GUARD,
	[DEPLOY_DRAINING] = DEPLOY_DO_TELL_END | DEPLOY_DO_DRAIN,
	[DEPLOY_STOPPING] = DEPLOY_DO_TELL_END | DEPLOY_DO_STOP_OLD,
	[DEPLOY_REVERTING] = DEPLOY_DO_REVERT,
	[DEPLOY_CLEANING] = DEPLOY_DO_CLEAN,
	[DEPLOY_ENDED] = DEPLOY_DO_TELL_END | DEPLOY_DO_FINISH,
};

static const struct transition *find(enum deploy_state from, enum deploy_event_type on)
{
	for (size_t i = 0; i < ARRAY_SIZE(transitions); i++)
		if (transitions[i].from == from && transitions[i].on == on)
			return &transitions[i];
	return NULL;
}

bool deploy_accepts(const struct deploy *d, enum deploy_event_type type)
{
	return find(d->state, type) != NULL;
}

static enum deploy_state after_code_is_ready(const struct deploy *d)
{
	if (d->kind == DEPLOY_PLAN)
		return DEPLOY_CLEANING;
	if (d->has_release_command && d->kind == DEPLOY_COMMIT)
		return DEPLOY_RELEASING;
	return d->has_processes ? DEPLOY_STARTING : DEPLOY_SWAPPING;
}

/* Work that a deploy of this kind or plan does not have is skipped, not done as nothing. */
static enum deploy_state next_state(const struct deploy *d)
{
	switch ((int)d->state) {
	case DEPLOY_QUEUED:
		return d->kind == DEPLOY_COMMIT || d->kind == DEPLOY_PLAN ? DEPLOY_CHECKOUT
									  : after_code_is_ready(d);
	case DEPLOY_CHECKOUT:
		return DEPLOY_BUILDING;
	case DEPLOY_BUILDING:
		return after_code_is_ready(d);
	case DEPLOY_RELEASING:
		return d->has_processes ? DEPLOY_STARTING : DEPLOY_SWAPPING;
	case DEPLOY_STARTING:
		return DEPLOY_CHECKING;
	case DEPLOY_CHECKING:
		return DEPLOY_SWAPPING;
	default:
		must(!"a state with a successor");
		return DEPLOY_ENDED;
	}
}

static void set_result(struct deploy *d, enum deploy_outcome outcome, int code, const char *reason,
	const char *hint)
{
	d->outcome = outcome;
	d->exit = code;
	(void)snprintf(d->reason, sizeof d->reason, "%s", reason ? reason : "");
	(void)snprintf(d->hint, sizeof d->hint, "%s", hint ? hint : "");
}

/* What the event says about how it all ends. */
static void judge(struct deploy *d, const struct deploy_event *event)
{
	switch (event->type) {
	case DEPLOY_EVENT_FAILED:
		must(event->exit != 0);
		set_result(d, DEPLOY_FAILED, event->exit, event->reason, event->hint);
		break;
	case DEPLOY_EVENT_CANCEL:
		set_result(d, DEPLOY_CANCELLED, 130, "cancelled", NULL);
		break;
	case DEPLOY_EVENT_SUPERSEDE:
		set_result(
			d, DEPLOY_SUPERSEDED, 7, "a newer deploy of this app took its place", NULL);
		break;
	case DEPLOY_EVENT_RESTART:
		if (d->outcome == DEPLOY_OPEN && !deploy_is_live_state(d->state))
			set_result(d, DEPLOY_FAILED, 1, "interrupted by a restart of the agent",
				"deploy again");
		break;
	case DEPLOY_EVENT_DONE:
		if (d->state == DEPLOY_SWAPPING)
			set_result(d, DEPLOY_LIVE, 0, NULL, NULL);
		else if (d->state == DEPLOY_BUILDING && d->kind == DEPLOY_PLAN)
			set_result(d, DEPLOY_PLANNED, 0, NULL, NULL);
		break;
	case DEPLOY_EVENT_BEGIN:
	case DEPLOY_EVENT_OVERTAKE:
	case DEPLOY_EVENT_RECLAIM:
	case DEPLOY_EVENT_COUNT:
		break;
	}
}

static unsigned set_state(struct deploy *d, enum deploy_state state)
{
	unsigned actions = state_actions[state];

	d->state = state;
	if (d->told)
		actions &= ~(unsigned)DEPLOY_DO_TELL_END;
	if (actions & DEPLOY_DO_TELL_END) {
		must(d->outcome != DEPLOY_OPEN);
		d->told = true;
	}
	return actions;
}

unsigned deploy_step(struct deploy *d, const struct deploy_event *event)
{
	const struct transition *t = find(d->state, event->type);

	must(t);
	judge(d, event);
	if (t->to == STAY)
		return set_state(d, d->state);
	return set_state(d, t->to == NEXT ? next_state(d) : (enum deploy_state)t->to);
}

bool deploy_is_live_state(enum deploy_state state)
{
	return state == DEPLOY_SWAPPING || state == DEPLOY_GUARDING || state == DEPLOY_DRAINING ||
	       state == DEPLOY_STOPPING;
}

const char *deploy_state_name(enum deploy_state state)
{
	must(state < DEPLOY_STATE_COUNT);
	return state_names[state];
}

const char *deploy_outcome_name(enum deploy_outcome outcome)
{
	must(outcome < DEPLOY_OUTCOME_COUNT);
	return outcome_names[outcome];
}

const char *deploy_kind_name(enum deploy_kind kind)
{
	must(kind < ARRAY_SIZE(kind_names));
	return kind_names[kind];
}

static int find_name(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (streq(names[i], name))
			return (int)i;
	return -EINVAL;
}

int deploy_state_parse(const char *name, enum deploy_state *ret)
{
	int i = find_name(state_names, ARRAY_SIZE(state_names), name);
	if (i < 0)
		return i;
	*ret = (enum deploy_state)i;
	return 0;
}

int deploy_outcome_parse(const char *name, enum deploy_outcome *ret)
{
	int i = find_name(outcome_names, ARRAY_SIZE(outcome_names), name);
	if (i < 0)
		return i;
	*ret = (enum deploy_outcome)i;
	return 0;
}

int deploy_kind_parse(const char *name, enum deploy_kind *ret)
{
	int i = find_name(kind_names, ARRAY_SIZE(kind_names), name);
	if (i < 0)
		return i;
	*ret = (enum deploy_kind)i;
	return 0;
}
