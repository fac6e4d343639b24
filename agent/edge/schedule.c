/* SPDX-License-Identifier: Apache-2.0
 *
 * The schedule of orders, and its file: {"shop.example.com": {"failures": 2, ...}}.
 */
#include "agent/edge/schedule.h"

#include <errno.h>
#include <jansson.h>

#include "lib/base/map.h"
#include "lib/sys/file.h"

#define FILE_BYTES_MAX (4u << 20)
#define MINUTE_MS (60LL * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define FORGET_MS (60 * DAY_MS) /* what nobody asked for that long belongs to no app any more */

struct schedule {
	char *path;
	struct map hosts; /* name to struct schedule_entry */
};

static void read_entry(struct schedule *s, const char *host, const json_t *o)
{
	struct schedule_entry *e = xnew(struct schedule_entry);
	const char *error = json_string_value(json_object_get(o, "error"));
	json_int_t failures = json_integer_value(json_object_get(o, "failures"));
	const json_t *validations = json_object_get(o, "validations");

	e->failures = failures > 0 && failures < 1000000 ? (unsigned)failures : 0;
	e->changed_ms = json_integer_value(json_object_get(o, "changed"));
	e->next_ms = json_integer_value(json_object_get(o, "next"));
	for (size_t i = 0; i < SCHEDULE_VALIDATIONS_MAX; i++)
		e->validations_ms[i] = json_integer_value(json_array_get(validations, i));
	if (error && str_copy(e->error, sizeof e->error, str_from(error)) < 0)
		e->error[0] = '\0';
	free(map_set(&s->hosts, str_from(host), e));
}

struct schedule *schedule_new(const char *path)
{
	struct schedule *s = xnew(struct schedule);
	_cleanup_free_ char *text = NULL;
	const char *host;
	json_t *o;
	size_t len;

	s->path = xstrdup(path);
	map_init(&s->hosts);
	if (file_read(path, FILE_BYTES_MAX, &text, &len, NULL) < 0)
		return s;
	json_auto_t *top = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_object_foreach (top, host, o)
		read_entry(s, host, o);
	return s;
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	map_for_each (e, &s->hosts)
		free(e->value);
	map_free(&s->hosts);
	free(s->path);
	free(s);
}

static json_t *format_entry(const struct schedule_entry *e)
{
	json_t *validations = json_array();

	for (size_t i = 0; i < SCHEDULE_VALIDATIONS_MAX; i++)
		must(json_array_append_new(
			     validations, json_integer((json_int_t)e->validations_ms[i])) == 0);
	/* Words that are no UTF-8 are left out. */
	json_t *o = json_pack("{s:i,s:I,s:I,s:o}", "failures", (int)e->failures, "changed",
		(json_int_t)e->changed_ms, "next", (json_int_t)e->next_ms, "validations",
		validations);
	(void)json_object_set_new(o, "error", json_string(e->error));
	return o;
}

static int save(const struct schedule *s, int64_t now_ms, struct err *err)
{
	json_auto_t *top = json_object();

	map_for_each (it, &s->hosts) {
		const struct schedule_entry *e = it->value;
		if (now_ms - e->changed_ms < FORGET_MS)
			must(json_object_set_new(top, it->key, format_entry(e)) == 0);
	}
	_cleanup_free_ char *text = json_dumps(top, JSON_INDENT(1));
	must(text);
	return file_replace(s->path, text, strlen(text), 0600, err);
}

const struct schedule_entry *schedule_get(const struct schedule *s, const char *host)
{
	return map_get(&s->hosts, str_from(host));
}

static struct schedule_entry *entry_for(struct schedule *s, const char *host)
{
	struct schedule_entry *e = map_get(&s->hosts, str_from(host));

	if (!e) {
		e = xnew(struct schedule_entry);
		(void)map_set(&s->hosts, str_from(host), e);
	}
	return e;
}

bool schedule_may_order(struct schedule *s, const char *host, int64_t now_ms)
{
	struct schedule_entry *e = map_get(&s->hosts, str_from(host));

	if (!e)
		return true;
	if (e->changed_ms > now_ms) {
		e->next_ms -= e->changed_ms - now_ms;
		e->changed_ms = now_ms;
	}
	return now_ms >= e->next_ms;
}

int64_t schedule_limited_until_ms(const struct schedule *s, const char *host, int64_t now_ms)
{
	const struct schedule_entry *e = schedule_get(s, host);

	if (!e || e->validations_ms[0] == 0 || e->validations_ms[0] > now_ms ||
		e->validations_ms[0] + HOUR_MS <= now_ms)
		return 0;
	return e->validations_ms[0] + HOUR_MS;
}

static int64_t delay_ms(unsigned failures, unsigned random)
{
	static const int64_t delays[] = {MINUTE_MS, 10 * MINUTE_MS, 100 * MINUTE_MS};
	int64_t delay =
		failures >= 1 && failures <= ARRAY_SIZE(delays) ? delays[failures - 1] : DAY_MS;
	return delay + delay / 1000 * (random % 101);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int schedule_failed(struct schedule *s, const char *host, const struct schedule_failure *failure,
	int64_t now_ms, struct err *err)
{
	struct schedule_entry *e = entry_for(s, host);
	struct str words = str_from(failure->words);

	e->failures++;
	e->changed_ms = now_ms;
	e->next_ms = later(now_ms + delay_ms(e->failures, failure->random),
		now_ms + failure->retry_after_s * 1000);
	if (words.len >= sizeof e->error) {
		words.len = sizeof e->error - 1;
		while (words.len > 0 && ((unsigned char)words.p[words.len] & 0xc0) == 0x80)
			words.len--; /* never half a character */
	}
	must(str_copy(e->error, sizeof e->error, words) == 0);
	if (failure->is_validation) {
		memmove(e->validations_ms, e->validations_ms + 1,
			sizeof e->validations_ms - sizeof e->validations_ms[0]);
		e->validations_ms[SCHEDULE_VALIDATIONS_MAX - 1] = now_ms;
		if (e->validations_ms[0] > 0)
			e->next_ms = later(e->next_ms, e->validations_ms[0] + HOUR_MS);
	}
	return save(s, now_ms, err);
}

int schedule_issued(
	struct schedule *s, const char *host, int64_t lifetime_ms, int64_t now_ms, struct err *err)
{
	struct schedule_entry *e = entry_for(s, host);

	*e = (struct schedule_entry){.changed_ms = now_ms,
		.next_ms = now_ms + (lifetime_ms / 4 < HOUR_MS ? lifetime_ms / 4 : HOUR_MS)};
	return save(s, now_ms, err);
}

int64_t schedule_wake_ms(const struct schedule *s, int64_t now_ms)
{
	int64_t first = 0;

	map_for_each (it, &s->hosts) {
		const struct schedule_entry *e = it->value;
		if (e->failures > 0 && e->next_ms > now_ms && (first == 0 || e->next_ms < first))
			first = e->next_ms;
	}
	return first;
}
