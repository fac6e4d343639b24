/* SPDX-License-Identifier: Apache-2.0
 *
 * What is counted for each release of each app: requests, failures, and how many are in flight,
 * which decides when an old release may stop. The objects outlive route tables. Each worker
 * writes only its own cell, so that counting shares no cache line; the main thread adds them up.
 */
#ifndef BERTH_PROXY_COUNTERS_H
#define BERTH_PROXY_COUNTERS_H

#include <stdalign.h>

#include "lib/base/list.h"

struct counter_cell {
	alignas(64) int64_t inflight;
	uint64_t requests, errors_5xx;
};

struct release_counters {
	struct list link;
	char *app;
	unsigned release;
	unsigned refs; /* the registry's and one for each table that has the release */
	struct counter_cell cells[]; /* one for each worker */
};

/* The registry; used by the main thread only, but for release_counters_unref(). */
struct counters {
	struct list releases;
	unsigned workers;
};

void counters_init(struct counters *c, unsigned workers);
void counters_release(struct counters *c);

/* A new reference; the object is made at its first use. */
struct release_counters *counters_ref(struct counters *c, const char *app, unsigned release);
void release_counters_unref(struct release_counters *r); /* any thread; accepts NULL */

/* Forgets releases that no table has and no request uses. */
void counters_prune(struct counters *c);

struct counter_sum {
	int64_t inflight;
	uint64_t requests, errors_5xx;
};
struct counter_sum release_counters_sum(const struct counters *c, const struct release_counters *r);

/* The only writer needs no atomic addition, just a store that others can read whole.
 * NOLINTNEXTLINE(readability-non-const-parameter): written through the builtin */
static inline void counter_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): as above */
static inline void counter_move(int64_t *counter, int64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

#endif
