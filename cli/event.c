/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of the event stream.
 */
#include "cli/event.h"

#include <errno.h>

#include "cli/exit.h"
#include "cli/text.h"

static enum event_type type_of(const char *name)
{
	static const struct {
		const char *name;
		enum event_type type;
	} types[] = {
		{"state", EVENT_STATE},
		{"step", EVENT_STEP},
		{"reason", EVENT_REASON},
		{"log", EVENT_LOG},
		{"notice", EVENT_NOTICE},
		{"plan", EVENT_PLAN},
		{"end", EVENT_END},
	};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(types[i].name, name))
			return types[i].type;
	return EVENT_OTHER;
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s ? s : "";
}

static uint64_t number_of(const json_t *j, const char *key, uint64_t max)
{
	json_int_t n = json_integer_value(json_object_get(j, key));
	return n < 0 || (uint64_t)n > max ? 0 : (uint64_t)n;
}

/* An end that does not say how is not a success. */
static int exit_of(const json_t *j)
{
	const json_t *n = json_object_get(j, "exit");
	json_int_t code = json_integer_value(n);
	return json_is_integer(n) && code >= 0 && code < 256 ? (int)code : CLI_BUG;
}

int event_parse(struct str line, struct event *ret)
{
	json_t *j = json_loadb(line.p, line.len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(j, "type"));
	if (!type) {
		json_decref(j);
		return -EINVAL;
	}
	*ret = (struct event){
		.type = type_of(type),
		.seq = number_of(j, "seq", INT64_MAX),
		.state = text_of(j, "state"),
		.name = text_of(j, "name"),
		.status = text_of(j, "status"),
		.text = text_of(j, "text"),
		.source = text_of(j, "source"),
		.process = text_of(j, "process"),
		.line = text_of(j, "line"),
		.reason = text_of(j, "reason"),
		.hint = text_of(j, "hint"),
		.url = text_of(j, "url"),
		.ms = number_of(j, "ms", INT64_MAX),
		.release = (unsigned)number_of(j, "release", INT32_MAX),
		.exit = exit_of(j),
		.json = j,
	};
	if (json_is_object(json_object_get(j, "plan")))
		ret->plan = json_object_get(j, "plan");
	(void)text_parse_time(text_of(j, "time"), &ret->time_ms);
	return 0;
}

void event_clear(struct event *e)
{
	json_decref(e->json);
	*e = (struct event){0};
}
