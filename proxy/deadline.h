/* SPDX-License-Identifier: Apache-2.0
 *
 * struct deadline: a timer that is cheap to move. Setting a later time is a store; the libev timer
 * underneath only fires, looks, and goes back to sleep.
 */
#ifndef BERTH_PROXY_DEADLINE_H
#define BERTH_PROXY_DEADLINE_H

#include <ev.h>

#include "lib/base/base.h"

struct deadline {
	ev_timer timer;
	double at; /* loop time; 0: off */
	double armed_at;
	void (*on_expired)(struct deadline *d);
};

void deadline_init(struct deadline *d, void (*on_expired)(struct deadline *d));

/* Counts from now; 0 turns it off. */
void deadline_set(struct deadline *d, struct ev_loop *loop, uint64_t ms);

/* Must be called before the memory goes. */
void deadline_stop(struct deadline *d, struct ev_loop *loop);

#endif
