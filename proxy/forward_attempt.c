/* SPDX-License-Identifier: Apache-2.0
 *
 * Attempts: finding an instance and a connection for a request, sending it, and trying again where
 * that can do no harm: the app cannot have seen it, or may see it twice.
 */
#include <errno.h>

#include "proxy/forward_parts.h"

#define ATTEMPTS_MAX 3
#define LOST_MAX 1 /* new connections that closed instead of answering */
#define DOWN_SECONDS 1.0
/* An app may close an idle connection at any time. A request that must not be sent twice only
 * takes one that was busy a moment ago. */
#define FRESH_MS 500
/* How often held requests look for an instance, and how many a worker holds. */
#define HOLD_LOOK_MS 50
#define HOLD_MAX 1024
static uint32_t upstream_of(const struct forward *f)
{
	const struct exchange *x = f->exchange;
	return table_site(x->view->table, x->site)->upstreams[f->route - x->site->routes];
}

void forward_detach(struct forward *f, bool reusable)
{
	if (f->instance)
		f->instance->outstanding--;
	f->instance = NULL;
	if (!f->upstream)
		return;
	if (reusable)
		upstream_give_back(f->upstream);
	else
		upstream_close(f->upstream);
	f->upstream = NULL;
}

void forward_end_hold(struct forward *f)
{
	if (f->state != HOLDING)
		return;
	f->exchange->worker->held--;
	f->state = CONNECTING;
}

int forward_send_request(struct forward *f)
{
	const struct iovec iov[] = {
		{buf_data(&f->head), f->head_sent ? 0 : buf_len(&f->head)},
		{buf_data(&f->body), buf_len(&f->body)},
	};

	if (iov[0].iov_len + iov[1].iov_len == 0)
		return 0;
	int r = upstream_send(f->upstream, iov, 2);
	if (r < 0)
		return r;
	f->head_sent = true;
	buf_free(&f->body);
	return 0;
}

void forward_attempt_again(struct forward *f, bool sent, bool was_reused, unsigned status)
{
	forward_detach(f, false);
	bool may = sent ? f->replayable : f->attempts < ATTEMPTS_MAX;
	/* A connection that waited in the pool was closed by the app's idle timer: no failure. On a
	 * new one the app may have died of this request: once more, not over and over. */
	if (sent && !was_reused && ++f->lost > LOST_MAX)
		may = false;
	if (may) {
		f->state = CONNECTING;
		f->head_sent = false;
		forward_attempt(f);
		return;
	}
	exchange_fail(f->exchange, status);
}

void forward_on_request_broken(struct forward *f)
{
	/* The app closed its side. Its answer may be on the way (413, 401): the reading side
	 * decides; without one it fails there. */
	f->body_broken = true;
	buf_free(&f->body);
}

void forward_on_connected(void *owner)
{
	struct forward *f = owner;

	f->state = WAITING;
	forward_wait_for_response(f);
	int r = forward_send_request(f);
	if (r < 0) {
		forward_on_request_broken(f);
		return;
	}
	if (!f->exchange->request_done)
		f->exchange->client->resume_body(f->exchange);
}

void forward_mark_down(struct instance *i)
{
	i->down_until = ev_now(i->worker->loop) + DOWN_SECONDS;
}

/* All instances refuse connections, as they do while an app restarts: the request waits a little.
 * Nothing of it has been sent. */
static void hold(struct forward *f)
{
	struct worker *w = f->exchange->worker;
	double now = ev_now(w->loop);

	if (f->hold_until == 0)
		f->hold_until = now + (double)w->config->timeouts.hold / 1000;
	if (now >= f->hold_until || f->lost > 0 || w->held >= HOLD_MAX) {
		exchange_fail(f->exchange, 503);
		return;
	}
	w->held++;
	f->state = HOLDING;
	f->attempts = 0;
	forward_wait_ms(f, HOLD_LOOK_MS);
}

/* A fresh connection; instances that refuse are passed over. */
static void connect_fresh(struct forward *f)
{
	struct exchange *x = f->exchange;
	const struct instance *avoid = NULL;

	while (f->attempts < ATTEMPTS_MAX) {
		struct instance *i = view_pick(x->view, upstream_of(f), avoid);
		if (!i || i == avoid)
			break;
		f->attempts++;
		if (upstream_connect(i, &f->upstream) < 0) {
			forward_mark_down(i);
			avoid = i;
			continue;
		}
		i->outstanding++;
		f->instance = i;
		upstream_own(f->upstream, &forward_events, f);
		if (f->upstream->connecting)
			forward_wait_ms(f, x->worker->config->timeouts.connect);
		else
			f->state = WAITING;
		return;
	}
	if (view_pick(x->view, upstream_of(f), NULL))
		hold(f);
	else
		exchange_fail(x, 503);
}

void forward_find_connection(struct forward *f)
{
	struct exchange *x = f->exchange;
	struct instance *i = view_pick(x->view, upstream_of(f), NULL);

	f->upstream = i ? upstream_take(i, f->replayable ? 0 : FRESH_MS) : NULL;
	if (!f->upstream) {
		connect_fresh(f);
		return;
	}
	i->outstanding++;
	f->instance = i;
	upstream_own(f->upstream, &forward_events, f);
	f->state = WAITING;
}

void forward_attempt(struct forward *f)
{
	connect_fresh(f);
	if (f->state == WAITING && f->exchange->active)
		forward_on_connected(f);
}
