/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting the new instances beside the old ones, and finding out whether they are healthy. An
 * instance that ends before it is healthy fails the deploy at once.
 */
#include "agent/deploy/health.h"
#include "agent/deploy/instances.h"
#include "agent/deploy/publish.h"
#include "agent/deploy/run.h"
#include "agent/deploy/work.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

#define HEALTH_TIMEOUT_MS 30000
/* Whoever answers on a port at the very first try may be a stranger who took it between our look and
 * the app's bind(2): the app then ends within this time. */
#define STRANGER_MS 300
#define STEADY_MS 1000 /* a process without a socket is healthy when it still runs then */

enum { EXIT_APP = 1, EXIT_HEALTH = 10 };

struct check {
	struct list link;
	struct job *job;
	struct instance_id id;
	struct health_check *health; /* NULL: only has to go on running */
	ev_timer steady;
	bool healthy;
};

void work_start(struct job *j)
{
	struct err err = {0};

	if (instances_start(j->engine, j->app, j->deploy.release, j->code_release, j->plan, &err) <
		0)
		(void)job_fail(j, EXIT_APP, NULL, "%s", err.msg);
	else
		job_post(j, DEPLOY_EVENT_DONE);
}

static const struct plan_process *find_process(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->process_count; i++)
		if (streq(plan->processes[i].name, name))
			return &plan->processes[i];
	return NULL;
}

static void is_healthy(struct check *c)
{
	struct job *j = c->job;

	must(!c->healthy && j->unhealthy > 0);
	c->healthy = true;
	if (--j->unhealthy == 0)
		job_post(j, DEPLOY_EVENT_DONE);
}

/* An answer that came sooner than a program that was just started can listen. */
static bool is_too_soon(const struct check *c)
{
	const struct instance *i = instance_find(c->job->engine, &c->id);

	return i && i->spec.port > 0 && health_check_tries(c->health) == 1 &&
	       (!i->known || clock_wall_ms() - i->status.since_ms < STRANGER_MS);
}

static void on_health(void *data, bool healthy, const char *words)
{
	struct check *c = data;
	struct job *j = c->job;

	if (healthy && is_too_soon(c)) {
		ev_timer_set(&c->steady, STRANGER_MS / 1000., 0.);
		ev_now_update(j->engine->loop);
		ev_timer_start(j->engine->loop, &c->steady);
	} else if (healthy)
		is_healthy(c);
	else
		(void)job_fail(j, EXIT_HEALTH, "the old release is still live, if there was one",
			"%s.%u did not become healthy in time: %s", c->id.process, c->id.index,
			words);
	/* Behind the last use of the words, which are the check's. */
	health_check_free(take_ptr(c->health));
}

static void on_steady(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct check *c = container_of(timer, struct check, steady);
	const struct instance *i = instance_find(c->job->engine, &c->id);
	(void)events;

	/* A start that takes its time (a busy host) is waited for; its failure is reported. */
	if (i && i->known && i->status.state == INSTANCE_STARTING) {
		ev_timer_set(timer, STEADY_MS / 1000., 0.);
		ev_timer_start(loop, timer);
		return;
	}
	is_healthy(c);
}

static void begin_check(struct job *j, const struct instance *i, const struct plan_process *p)
{
	struct check *c = xnew(struct check);
	char address[RUNTIME_ADDRESS_MAX], host[IDENT_DOMAIN_MAX + 1];

	c->job = j;
	c->id = i->spec.id;
	ev_timer_init(&c->steady, on_steady, STEADY_MS / 1000., 0.);
	list_append(&j->checks, &c->link);
	j->unhealthy++;
	if (!i->spec.listens) {
		ev_now_update(j->engine->loop);
		ev_timer_start(j->engine->loop, &c->steady);
		return;
	}
	runtime_address(&j->engine->paths, &i->spec, address);
	primary_host(j->engine, j->app, j->plan, host);
	const struct health_config config = {
		.address = address,
		.host = host,
		.path = p->health.path,
		.status = p->health.status,
		.timeout_ms = p->health.timeout_ms ? p->health.timeout_ms : HEALTH_TIMEOUT_MS,
	};
	c->health = health_check_start(j->engine->loop, &config, on_health, c);
}

/* The verdict over an instance that is not running; NULL when it may still become healthy. */
static bool has_failed(const struct instance_status *s)
{
	return s->state == INSTANCE_RESTARTING || s->state == INSTANCE_FAILED;
}

static void fail_instance(struct job *j, const struct instance_status *s)
{
	(void)job_fail(j, EXIT_APP, NULL, "%s.%u %s before it was healthy", s->id.process,
		s->id.index, s->reason[0] ? s->reason : "ended");
}

void work_check(struct job *j)
{
	list_for_each (it, &j->engine->instances) {
		const struct instance *i = container_of(it, struct instance, link);
		if (i->spec.id.release != j->deploy.release || !streq(i->spec.id.app, j->app))
			continue;
		/* What happened while the step from starting was stored. */
		if (i->known && has_failed(&i->status)) {
			fail_instance(j, &i->status);
			return;
		}
		const struct plan_process *p = find_process(j->plan, i->spec.id.process);
		if (p)
			begin_check(j, i, p);
	}
	if (j->unhealthy == 0)
		job_post(j, DEPLOY_EVENT_DONE);
}

void work_check_stop(struct job *j)
{
	list_for_each_safe (it, &j->checks) {
		struct check *c = container_of(it, struct check, link);
		health_check_free(c->health);
		ev_timer_stop(j->engine->loop, &c->steady);
		free(c);
	}
	list_init(&j->checks);
	j->unhealthy = 0;
}

void work_start_on_change(struct job *j, const struct instance_status *s)
{
	if (has_failed(s))
		fail_instance(j, s);
}
