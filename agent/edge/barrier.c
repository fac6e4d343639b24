/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for what is under way.
 */
#include "agent/edge/barrier.h"

#include <ev.h>

struct barrier {
	struct list link;
	struct barriers *owner;
	uint64_t number; /* done when this one has ended */
	struct ev_timer call; /* at once, from the loop */
	void (*on_done)(void *data, int result);
	void *data;
};

void barriers_init(struct barriers *b, struct ev_loop *loop)
{
	*b = (struct barriers){.loop = loop};
	list_init(&b->waiting);
}

void barrier_cancel(struct barrier *w)
{
	if (!w)
		return;
	ev_timer_stop(w->owner->loop, &w->call);
	list_remove(&w->link);
	free(w);
}

void barriers_release(struct barriers *b)
{
	list_for_each_safe (it, &b->waiting)
		barrier_cancel(container_of(it, struct barrier, link));
}

static void on_call(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct barrier *w = timer->data;
	void (*on_done)(void *data, int result) = w->on_done;
	void *data = w->data;
	int result = w->owner->result;

	(void)loop;
	(void)events;
	barrier_cancel(w);
	on_done(data, result);
}

static void wake(struct barriers *b)
{
	list_for_each (it, &b->waiting) {
		struct barrier *w = container_of(it, struct barrier, link);
		if (b->ended >= w->number && !ev_is_active(&w->call))
			ev_timer_start(b->loop, &w->call);
	}
}

void barriers_begin(struct barriers *b)
{
	b->begun++;
}

void barriers_end(struct barriers *b, int result)
{
	must(b->ended < b->begun);
	b->ended++;
	b->result = result;
	wake(b);
}

struct barrier *barrier_new(struct barriers *b, void (*on_done)(void *data, int result), void *data)
{
	struct barrier *w = xnew(struct barrier);

	w->owner = b;
	w->number = b->begun;
	w->on_done = on_done;
	w->data = data;
	ev_timer_init(&w->call, on_call, 0., 0.);
	w->call.data = w;
	list_append(&b->waiting, &w->link);
	wake(b);
	return w;
}
