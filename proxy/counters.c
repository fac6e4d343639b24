/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters of releases.
 */
#include "proxy/counters.h"

#include "lib/base/str.h"

void counters_init(struct counters *c, unsigned workers)
{
	list_init(&c->releases);
	c->workers = workers;
}

static void release_free(struct release_counters *r)
{
	list_remove(&r->link);
	free(r->app);
	free(r);
}

void counters_release(struct counters *c)
{
	list_for_each_safe (it, &c->releases)
		release_free(container_of(it, struct release_counters, link));
}

struct release_counters *counters_ref(struct counters *c, const char *app, unsigned release)
{
	list_for_each (it, &c->releases) {
		struct release_counters *r = container_of(it, struct release_counters, link);
		if (r->release == release && streq(r->app, app)) {
			(void)__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);
			return r;
		}
	}
	size_t size = sizeof(struct release_counters) + c->workers * sizeof(struct counter_cell);
	struct release_counters *r = aligned_alloc(alignof(struct counter_cell), size);
	must(r);
	memset(r, 0, size);
	r->app = xstrdup(app);
	r->release = release;
	r->refs = 2;
	list_append(&c->releases, &r->link);
	return r;
}

void release_counters_unref(struct release_counters *r)
{
	if (r)
		(void)__atomic_fetch_sub(&r->refs, 1, __ATOMIC_RELEASE);
}

void counters_prune(struct counters *c)
{
	list_for_each_safe (it, &c->releases) {
		struct release_counters *r = container_of(it, struct release_counters, link);
		if (__atomic_load_n(&r->refs, __ATOMIC_ACQUIRE) == 1)
			release_free(r);
	}
}

struct counter_sum release_counters_sum(const struct counters *c, const struct release_counters *r)
{
	struct counter_sum sum = {0};

	for (unsigned i = 0; i < c->workers; i++) {
		const struct counter_cell *cell = &r->cells[i];
		sum.inflight += __atomic_load_n(&cell->inflight, __ATOMIC_RELAXED);
		sum.requests += __atomic_load_n(&cell->requests, __ATOMIC_RELAXED);
		sum.errors_5xx += __atomic_load_n(&cell->errors_5xx, __ATOMIC_RELAXED);
	}
	return sum;
}
