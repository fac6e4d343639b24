/* SPDX-License-Identifier: Apache-2.0
 *
 * Instances of apps and the connections to them, as one worker sees them. A view is a table with
 * its upstreams resolved to this worker's instances; requests hold the view they were routed with.
 * What the bytes on a connection mean is its owner's business (forward.c).
 */
#ifndef BERTH_PROXY_UPSTREAM_H
#define BERTH_PROXY_UPSTREAM_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base/buf.h"
#include "proxy/worker.h"

struct instance {
	char *address; /* key in worker->instances */
	struct sockaddr_storage to;
	socklen_t to_len;
	struct worker *worker;
	unsigned refs; /* views that have it */
	unsigned outstanding; /* requests */
	double down_until; /* refused a connection a moment ago: others first */
	struct list idle; /* of struct upstream_conn, the latest used first */
	unsigned idle_count;
};

struct view {
	unsigned refs; /* this worker's only: not atomic */
	struct worker *worker;
	struct table *table;
	struct instance **instances; /* of all upstreams, one behind the other */
	size_t *first; /* upstream i has instances[first[i]] to instances[first[i + 1] - 1] */
	unsigned turn; /* where equal instances are tried first */
};

/* Makes `table` (taken) the worker's current one. */
void view_adopt(struct worker *w, struct table *table);
void view_drop(struct worker *w);
struct view *view_ref(struct view *v);
void view_unref(struct view *v);

/* The instance with the fewest requests, one that did not just refuse if possible, never `avoid`
 * unless it is the only one. NULL when the upstream has none. Borrowed from the view. */
struct instance *view_pick(struct view *v, uint32_t upstream, const struct instance *avoid);

struct upstream_conn;

/* What happens to a connection; `owner` is who has it. Every function may give back or close the
 * connection. */
struct upstream_events {
	void (*on_connected)(void *owner);
	/* Connecting failed (no byte was sent), or the connection broke: -errno, 0 for a regular
	 * end of the stream. */
	void (*on_failed)(void *owner, int error);
	/* Takes bytes, which it may change in place; answers how many. */
	size_t (*on_data)(void *owner, char *data, size_t len);
	void (*on_drained)(void *owner);
};

struct upstream_conn {
	struct list link; /* instance->idle while idle */
	struct corpse corpse;
	struct instance *instance;
	ev_io readable, writable;
	ev_timer retry; /* UNIX sockets: the queue of the listener is full */
	struct deadline idle_deadline;
	int fd;
	bool connecting, is_reused, is_closed, is_paused;
	double used_at;
	struct buf in, out;
	const struct upstream_events *events; /* NULL while idle */
	void *owner;
};

/* An idle connection for the owner, or NULL. With `max_age_ms` only one that was used that lately
 * and still is open. */
struct upstream_conn *upstream_take(struct instance *i, uint64_t max_age_ms);

/* A new connection. It may be connected already (not u->connecting); else on_connected or on_failed
 * follows. 0 or -errno. */
int upstream_connect(struct instance *i, struct upstream_conn **ret);

static inline void upstream_own(
	struct upstream_conn *u, const struct upstream_events *events, void *owner)
{
	u->events = events;
	u->owner = owner;
}

/* Sends, or queues what cannot be sent now; 0 or -errno (nothing is closed). */
int upstream_send(struct upstream_conn *u, const struct iovec *iov, int n);

/* Stops and resumes reading, for backpressure. */
void upstream_pause(struct upstream_conn *u, bool pause);

/* Back to the pool; everything that was asked has been answered. */
void upstream_give_back(struct upstream_conn *u);
void upstream_close(struct upstream_conn *u);

#endif
