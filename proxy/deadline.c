/* SPDX-License-Identifier: Apache-2.0
 *
 * Lazy timers.
 */
#include "proxy/deadline.h"

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct deadline *d = container_of(timer, struct deadline, timer);

	(void)events;
	if (d->at == 0)
		return;
	double left = d->at - ev_now(loop);
	if (left > 0.0005) {
		d->armed_at = d->at;
		ev_timer_set(timer, left, 0.);
		ev_timer_start(loop, timer);
		return;
	}
	d->at = 0;
	d->on_expired(d);
}

void deadline_init(struct deadline *d, void (*on_expired)(struct deadline *d))
{
	ev_timer_init(&d->timer, on_timer, 0., 0.);
	d->at = 0;
	d->armed_at = 0;
	d->on_expired = on_expired;
}

void deadline_set(struct deadline *d, struct ev_loop *loop, uint64_t ms)
{
	if (ms == 0) {
		d->at = 0;
		return;
	}
	double after = (double)ms / 1000;
	d->at = ev_now(loop) + after;
	if (ev_is_active(&d->timer) && d->armed_at <= d->at)
		return;
	ev_timer_stop(loop, &d->timer);
	d->armed_at = d->at;
	ev_timer_set(&d->timer, after, 0.);
	ev_timer_start(loop, &d->timer);
}

void deadline_stop(struct deadline *d, struct ev_loop *loop)
{
	ev_timer_stop(loop, &d->timer);
	d->at = 0;
}
