/* SPDX-License-Identifier: Apache-2.0
 *
 * struct barriers: who waits until everything that was under way when they came is done. Things
 * are numbered as they begin, and end in that order. Pure but for the loop that calls back.
 */
#ifndef BERTH_AGENT_BARRIER_H
#define BERTH_AGENT_BARRIER_H

#include "lib/base/list.h"

struct barrier;
struct ev_loop;

struct barriers {
	struct ev_loop *loop;
	struct list waiting;
	uint64_t begun, ended; /* numbers of the last ones */
	int result; /* of the last one that ended */
};

void barriers_init(struct barriers *b, struct ev_loop *loop);
void barriers_release(struct barriers *b); /* nobody is called back any more */

void barriers_begin(struct barriers *b);
void barriers_end(struct barriers *b, int result);

/* on_done comes from the loop, never from within a call of these functions. */
struct barrier *barrier_new(
	struct barriers *b, void (*on_done)(void *data, int result), void *data);
void barrier_cancel(struct barrier *w); /* before on_done; accepts NULL */

#endif
