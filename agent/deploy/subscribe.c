/* SPDX-License-Identifier: Apache-2.0
 *
 * Subscriptions to a deploy's events: each reads the event log at its own pace, a slice a turn of the
 * loop, so that the log of a long build does not hold up the others.
 */
#include <errno.h>

#include "agent/deploy/publish.h"
#include "agent/deploy/run.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/data/json.h"
#include "lib/sys/file.h"

#define SLICE 65536

struct deploy_subscription {
	struct list link;
	struct engine *engine;
	uint64_t id;
	struct event_log *log; /* NULL: gone; only the end is told */
	uint64_t offset, seq;
	struct buf in;
	deploy_on_event on_event;
	void *data;
	bool is_over, in_callback, is_paused;
};

char *deploy_log_path(const struct engine *e, const char *app, uint64_t id)
{
	return xasprintf(
		"%s/apps/%s/deploys/%llu.ndjson", e->paths.state, app, (unsigned long long)id);
}

json_t *deploy_end_event(struct engine *e, const struct deploy_row *row)
{
	char host[IDENT_DOMAIN_MAX + 1], url[IDENT_DOMAIN_MAX + 16];
	json_t *event = json_pack("{s:s, s:s, s:i}", "type", "end", "state",
		row->outcome[0] ? row->outcome : "failed", "exit", row->exit);

	must(event);
	primary_host(e, row->app, NULL, host);
	edge_url(e->edge, host, url, sizeof url);
	if (row->reason && row->reason[0])
		(void)json_object_set_new(event, "reason", event_text(row->reason));
	if (row->hint && row->hint[0])
		(void)json_object_set_new(event, "hint", event_text(row->hint));
	if (row->release > 0)
		(void)json_object_set_new(event, "release", json_integer(row->release));
	(void)json_object_set_new(event, "url", json_string(url));
	return event;
}

static void subscription_free(struct deploy_subscription *s)
{
	list_remove(&s->link);
	event_log_unref(s->log);
	buf_free(&s->in);
	free(s);
}

/* A subscriber may end its subscription in the callback: it is freed behind it. */
static void tell(struct deploy_subscription *s, const char *line, bool is_last)
{
	s->in_callback = true;
	s->on_event(s->data, line, is_last);
	s->in_callback = false;
	s->is_over = s->is_over || is_last;
}

/* Our own writing: a quote inside of a string is escaped, so this is only ever the member itself. */
static bool is_end_line(const char *line)
{
	return strstr(line, "\"type\":\"end\"") != NULL;
}

static void tell_lines(struct deploy_subscription *s)
{
	char *end;

	while (!s->is_over && buf_len(&s->in) > 0 &&
		(end = memchr(buf_data(&s->in), '\n', buf_len(&s->in))) != NULL) {
		*end = '\0';
		s->seq++;
		tell(s, buf_data(&s->in), is_end_line(buf_data(&s->in)));
		if (!s->is_over)
			buf_consume(&s->in, (size_t)(end - buf_data(&s->in)) + 1);
	}
}

/* The log ends without an end (a crash, a full disk, a log that is gone): the store knows it. */
static void tell_end_from_store(struct deploy_subscription *s)
{
	struct deploy_row row = {.exit = 1};
	char now[CLOCK_RFC3339_SIZE];

	(void)store_deploy_get(s->engine->store, s->id, &row, NULL);
	clock_format_rfc3339(row.ended_ms ? row.ended_ms : clock_wall_ms(), now);
	json_t *line = json_pack("{s:I, s:s}", "seq", (json_int_t)s->seq + 1, "time", now);
	json_t *event = deploy_end_event(s->engine, &row);
	(void)json_object_update(line, event);
	json_decref(event);
	_cleanup_free_ char *text = json_line(line);
	json_decref(line);
	deploy_row_clear(&row);
	tell(s, text, true);
}

/* True when there is more to read now. */
static bool pump(struct deploy_subscription *s)
{
	if (s->is_paused)
		return false;
	size_t n = s->log ? event_log_read(s->log, &s->offset, &s->in, SLICE) : 0;

	if (n > 0) {
		tell_lines(s);
		return !s->is_over;
	}
	if (!s->log || event_log_is_closed(s->log))
		tell_end_from_store(s);
	return false;
}

void subscriptions_pump(struct engine *e)
{
	bool is_more = false;

	list_for_each_safe (it, &e->subscriptions) {
		struct deploy_subscription *s = container_of(it, struct deploy_subscription, link);
		if (pump(s))
			is_more = true;
		if (s->is_over)
			subscription_free(s);
	}
	if (is_more)
		engine_wake(e);
}

void subscriptions_free(struct engine *e)
{
	list_for_each_safe (it, &e->subscriptions)
		subscription_free(container_of(it, struct deploy_subscription, link));
}

static int open_log(struct engine *e, uint64_t id, struct event_log **ret, struct err *err)
{
	struct job *j = engine_find_job(e, id);
	struct deploy_row row = {0};

	if (j && j->log) {
		*ret = event_log_ref(j->log);
		return 0;
	}
	int r = store_deploy_get(e->store, id, &row, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *path = deploy_log_path(e, row.app, id);
	*ret = event_log_open_finished(path);
	deploy_row_clear(&row);
	return 0;
}

int engine_subscribe(struct engine *e, uint64_t id, deploy_on_event on_event, void *data,
	struct deploy_subscription **ret, struct err *err)
{
	struct event_log *log = NULL;
	int r = open_log(e, id, &log, err);

	if (r < 0)
		return r;
	struct deploy_subscription *s = xnew(struct deploy_subscription);
	s->engine = e;
	s->id = id;
	s->log = log;
	s->on_event = on_event;
	s->data = data;
	buf_init(&s->in, EVENT_LINE_MAX + SLICE);
	list_append(&e->subscriptions, &s->link);
	engine_wake(e);
	*ret = s;
	return 0;
}

void engine_unsubscribe(struct deploy_subscription *s)
{
	if (!s)
		return;
	if (s->in_callback)
		s->is_over = true;
	else
		subscription_free(s);
}

void engine_pause(struct deploy_subscription *s, bool is_paused)
{
	if (s->is_paused == is_paused)
		return;
	s->is_paused = is_paused;
	engine_wake(s->engine);
}

static void set_time(json_t *o, const char *key, int64_t ms)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339(ms, text);
	(void)json_object_set_new(o, key, ms > 0 ? json_string(text) : json_null());
}

static void set_text(json_t *o, const char *key, const char *text)
{
	(void)json_object_set_new(o, key, event_text(text));
}

char *engine_describe(struct engine *e, uint64_t id)
{
	_cleanup_(deploy_row_clear) struct deploy_row row = {0};

	if (store_deploy_get(e->store, id, &row, NULL) < 0)
		return NULL;
	/* Once its end was told a deploy is what came of it, though it still guards and drains. */
	bool is_over = row.ended_ms > 0 && row.outcome[0];
	json_t *o = json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)row.id, "app", row.app,
		"kind", row.kind, "state", is_over ? row.outcome : row.state);
	must(o);
	(void)json_object_set_new(
		o, "release", row.release ? json_integer(row.release) : json_null());
	set_text(o, "commit", row.commit);
	set_time(o, "created", row.created_ms);
	set_time(o, "ended", row.ended_ms);
	(void)json_object_set_new(
		o, "exit", row.ended_ms > 0 ? json_integer(row.exit) : json_null());
	set_text(o, "reason", row.reason);
	set_text(o, "hint", row.hint);
	char *text = json_line(o);
	json_decref(o);
	return text;
}
