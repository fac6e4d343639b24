/* SPDX-License-Identifier: Apache-2.0
 *
 * Ending proxy and instances.
 */
#include "agent/shutdown.h"

#include <ev.h>

#include "agent/edge/proxy_process.h"
#include "agent/runtime/runtime.h"
#include "lib/base/log.h"

#define DEADLINE_S 25.
#define ROUND_S 0.1 /* between two looks at what is left */

struct shutdown {
	struct ev_loop *loop;
	struct runtime *runtime;
	void (*on_done)(void *data);
	void *data;
	struct ev_timer round, deadline;
	unsigned left;
};

static void finish(struct shutdown *s)
{
	ev_timer_stop(s->loop, &s->round);
	ev_timer_stop(s->loop, &s->deadline);
	s->on_done(s->data);
}

static void ignore_line(void *data, const struct task_spec *task, struct str line)
{
	(void)data;
	(void)task;
	(void)line;
}

static void ignore_task(void *data, const struct task_spec *task, const struct task_result *r)
{
	(void)data;
	(void)task;
	(void)r;
}

static void ignore_change(void *data, const struct instance_status *status)
{
	(void)data;
	(void)status;
}

/* Looks again soon rather than now: the runtime is still at it. */
static void on_instance_stopped(void *data, const struct instance_id *id)
{
	struct shutdown *s = data;

	(void)id;
	ev_timer_stop(s->loop, &s->round);
	ev_timer_set(&s->round, 0., ROUND_S);
	ev_timer_start(s->loop, &s->round);
}

static void stop_one(void *data, const struct instance_status *status)
{
	struct shutdown *s = data;
	struct err err;

	s->left++;
	if (s->runtime->ops->stop(s->runtime, &status->id, &err) < 0)
		log_warn("agent.stop", "app=%s error=\"%s\"", status->id.app, err.msg);
}

static void on_round(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct shutdown *s = w->data;
	struct err err;

	(void)loop;
	(void)events;
	s->left = 0;
	if (s->runtime->ops->list(s->runtime, stop_one, s, &err) < 0)
		log_warn("agent.stop", "error=\"%s\"", err.msg);
	if (s->left == 0)
		finish(s);
}

static void on_proxy_ended(void *data)
{
	struct shutdown *s = data;

	if (!s->runtime)
		ev_feed_event(s->loop, &s->deadline, EV_TIMER);
	else
		ev_timer_start(s->loop, &s->round);
}

static void on_deadline(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct shutdown *s = w->data;

	(void)loop;
	(void)events;
	if (s->left > 0)
		log_warn("agent.stop", "left=%u", s->left);
	finish(s);
}

struct shutdown *shutdown_begin(struct ev_loop *loop, struct runtime *runtime,
	struct proxy_process *proxy, void (*on_done)(void *data), void *data)
{
	struct shutdown *s = xnew(struct shutdown);

	s->loop = loop;
	s->runtime = runtime;
	s->on_done = on_done;
	s->data = data;
	ev_timer_init(&s->round, on_round, 0., ROUND_S);
	ev_timer_init(&s->deadline, on_deadline, DEADLINE_S, 0.);
	s->round.data = s->deadline.data = s;
	ev_timer_start(loop, &s->deadline);
	if (runtime)
		runtime->callbacks = (struct runtime_callbacks){
			.on_task_line = ignore_line,
			.on_task_done = ignore_task,
			.on_instance_change = ignore_change,
			.on_instance_stopped = on_instance_stopped,
			.data = s,
		};
	if (proxy)
		proxy_process_stop(proxy, on_proxy_ended, s);
	else
		on_proxy_ended(s);
	return s;
}

void shutdown_free(struct shutdown *s)
{
	if (!s)
		return;
	ev_timer_stop(s->loop, &s->round);
	ev_timer_stop(s->loop, &s->deadline);
	free(s);
}
