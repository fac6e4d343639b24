/* SPDX-License-Identifier: Apache-2.0
 *
 * struct event: one line of a deploy's event stream, taken apart. Whatever a line lacks is empty;
 * a type that this version does not know is EVENT_OTHER and no error. Texts are as they came.
 */
#ifndef BERTH_CLI_EVENT_H
#define BERTH_CLI_EVENT_H

#include <jansson.h>

#include "lib/base/str.h"

enum event_type {
	EVENT_OTHER,
	EVENT_STATE, /* state */
	EVENT_STEP, /* name, status, ms */
	EVENT_REASON, /* text */
	EVENT_LOG, /* source, process, line */
	EVENT_NOTICE, /* text */
	EVENT_PLAN, /* plan */
	EVENT_END, /* state, exit, reason, hint, release, url, ms */
};

struct event {
	enum event_type type;
	uint64_t seq;
	int64_t time_ms; /* wall clock of the agent; 0: not said */
	const char *state, *name, *status, *text, *source, *process, *line, *reason, *hint, *url;
	const json_t *plan; /* an object, or NULL */
	uint64_t ms;
	unsigned release; /* 0: none */
	int exit;
	json_t *json; /* owns all of the above */
};

/* -EINVAL: not a JSON object with a type. */
int event_parse(struct str line, struct event *ret);
void event_clear(struct event *e);

#endif
