/* SPDX-License-Identifier: Apache-2.0
 *
 * struct worker: one thread, one event loop, and everything a request touches: listening sockets,
 * client connections, pools of upstream connections, the current table. Workers share nothing but
 * the table. The main thread talks to a worker through its mailbox only.
 */
#ifndef BERTH_PROXY_WORKER_H
#define BERTH_PROXY_WORKER_H

#include <ev.h>
#include <pthread.h>

#include "lib/http/date.h"
#include "proxy/config.h"
#include "proxy/deadline.h"
#include "proxy/table.h"

/* What one read takes at most, and so the most that is buffered on top of a full buffer. */
#define WORKER_READ_BYTES 32768

struct view;

/* Memory that outlives the callback in which its object closed: freed at the end of the loop. */
struct corpse {
	struct corpse *next;
	void (*destroy)(struct corpse *c);
};

struct worker {
	unsigned index;
	struct ev_loop *loop;
	const struct config *config;
	struct tls_server *tls; /* shared, NULL without https listeners */
	struct view *view; /* the current table with this worker's instances; see upstream.h */
	struct map instances; /* address to struct instance */
	struct list listeners, conns;
	bool draining;
	unsigned held; /* requests that wait for an instance to come back */
	/* One for bytes from clients, one for bytes from upstreams: a response is sent while the
	 * request that it answers may still lie in the first. */
	char *client_scratch, *upstream_scratch;
	char date[HTTP_DATE_SIZE];
	double date_at; /* loop time of `date` */
	uint64_t connections, requests; /* read by the main thread; atomic */

	pthread_t thread;
	ev_async wake;
	ev_prepare end_of_loop;
	ev_timer drain_timer;
	struct corpse *corpses;

	pthread_mutex_t lock; /* of the mailbox */
	struct table *next_table; /* owned by the mailbox until the worker takes it */
	bool stop_wanted;
	uint64_t adopted; /* generation of the table in use; atomic */
	struct ev_loop *main_loop; /* is told through main_wake when `adopted` changed */
	ev_async *main_wake;
};

void worker_init(struct worker *w, unsigned index, const struct config *config);
void worker_release(struct worker *w); /* after it was joined */

/* Starts the thread with its first table, of which it takes a reference. */
int worker_start(struct worker *w, struct table *table, struct err *err);
void worker_join(struct worker *w);

/* From the main thread: adopt a table, of which a reference is taken. */
void worker_post_table(struct worker *w, struct table *table);

/* From the main thread: stop accepting, let requests finish, then end the thread. */
void worker_post_stop(struct worker *w);

/* In the worker: the memory of `c` goes at the end of this round of the loop. */
void worker_bury(struct worker *w, struct corpse *c, void (*destroy)(struct corpse *c));

/* In the worker: the Date field's value, at most a second old. */
struct str worker_date(struct worker *w);

/* In the worker: a connection has ended; a draining worker may be done. */
void worker_on_conn_closed(struct worker *w);

#endif
