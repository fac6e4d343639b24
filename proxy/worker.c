/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's thread and its life: start, tables, drain, end.
 */
#include "proxy/worker.h"

#include <errno.h>
#include <signal.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "proxy/conn.h"
#include "proxy/listener.h"
#include "proxy/upstream.h"

static struct worker *worker_of(struct ev_loop *loop)
{
	return ev_userdata(loop);
}

static void begin_drain(struct worker *w)
{
	if (w->draining)
		return;
	w->draining = true;
	list_for_each_safe (it, &w->listeners)
		listener_close(container_of(it, struct listener, link));
	list_for_each_safe (it, &w->conns)
		conn_drain(container_of(it, struct conn, link));
	ev_timer_set(&w->drain_timer, (double)w->config->timeouts.drain / 1000, 0.);
	ev_timer_start(w->loop, &w->drain_timer);
	worker_on_conn_closed(w);
}

static void on_drain_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_wake(struct ev_loop *loop, ev_async *async, int events)
{
	struct worker *w = worker_of(loop);

	(void)async;
	(void)events;
	(void)pthread_mutex_lock(&w->lock);
	struct table *next = take_ptr(w->next_table);
	bool stop = w->stop_wanted;
	(void)pthread_mutex_unlock(&w->lock);
	if (next) {
		uint64_t generation = next->generation;
		view_adopt(w, next);
		__atomic_store_n(&w->adopted, generation, __ATOMIC_RELEASE);
		ev_async_send(w->main_loop, w->main_wake);
	}
	if (stop)
		begin_drain(w);
}

static void on_end_of_loop(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct worker *w = worker_of(loop);

	(void)prepare;
	(void)events;
	while (w->corpses) {
		struct corpse *c = w->corpses;
		w->corpses = c->next;
		c->destroy(c);
	}
}

void worker_bury(struct worker *w, struct corpse *c, void (*destroy)(struct corpse *c))
{
	c->destroy = destroy;
	c->next = w->corpses;
	w->corpses = c;
}

struct str worker_date(struct worker *w)
{
	double now = ev_now(w->loop);

	if (now - w->date_at >= 1 || now < w->date_at) {
		http_date_format(clock_wall_ms() / 1000, w->date);
		w->date_at = now;
	}
	return (struct str){w->date, sizeof w->date - 1};
}

void worker_on_conn_closed(struct worker *w)
{
	if (w->draining && list_is_empty(&w->conns))
		ev_break(w->loop, EVBREAK_ALL);
}

void worker_init(struct worker *w, unsigned index, const struct config *config)
{
	*w = (struct worker){.index = index, .config = config};
	w->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOSIGMASK);
	must(w->loop);
	ev_set_userdata(w->loop, w);
	list_init(&w->listeners);
	list_init(&w->conns);
	map_init(&w->instances);
	must(pthread_mutex_init(&w->lock, NULL) == 0);
	w->client_scratch = xcalloc(1, WORKER_READ_BYTES);
	w->upstream_scratch = xcalloc(1, WORKER_READ_BYTES);
	ev_async_init(&w->wake, on_wake);
	ev_async_start(w->loop, &w->wake);
	ev_prepare_init(&w->end_of_loop, on_end_of_loop);
	ev_prepare_start(w->loop, &w->end_of_loop);
	ev_timer_init(&w->drain_timer, on_drain_timer, 0., 0.);
}

void worker_release(struct worker *w)
{
	list_for_each_safe (it, &w->listeners)
		listener_close(container_of(it, struct listener, link));
	list_for_each_safe (it, &w->conns)
		conn_close(container_of(it, struct conn, link));
	view_drop(w);
	on_end_of_loop(w->loop, NULL, 0);
	map_free(&w->instances);
	table_unref(w->next_table);
	ev_loop_destroy(w->loop);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->client_scratch);
	free(w->upstream_scratch);
}

static void *run(void *arg)
{
	struct worker *w = arg;

	(void)ev_run(w->loop, 0);
	return NULL;
}

int worker_start(struct worker *w, struct table *table, struct err *err)
{
	sigset_t all, before;

	view_adopt(w, table_ref(table));
	w->adopted = table->generation;
	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&w->thread, NULL, run, w);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? err_errno(err, r, "cannot start worker %u", w->index) : 0;
}

void worker_join(struct worker *w)
{
	(void)pthread_join(w->thread, NULL);
}

void worker_post_table(struct worker *w, struct table *table)
{
	(void)pthread_mutex_lock(&w->lock);
	struct table *unseen = w->next_table;
	w->next_table = table_ref(table);
	(void)pthread_mutex_unlock(&w->lock);
	table_unref(unseen);
	ev_async_send(w->loop, &w->wake);
}

void worker_post_stop(struct worker *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->stop_wanted = true;
	(void)pthread_mutex_unlock(&w->lock);
	ev_async_send(w->loop, &w->wake);
}
