/* SPDX-License-Identifier: Apache-2.0
 *
 * struct event_log: what happened in one deploy, as JSON lines in a file, so that whoever subscribes
 * late gets all from the start. When the file cannot be written (the disk is full) what comes then is
 * kept in memory: the client still gets its answer. The output of programs is cut at a limit, the
 * deploy's own events are not.
 */
#ifndef BERTH_AGENT_EVENTS_H
#define BERTH_AGENT_EVENTS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

#define EVENT_LINE_MAX (2u << 20) /* a plan in JSON, escaped */

struct event_log;

/* Opens the log for writing, behind what a former agent wrote. Never fails: see above. */
struct event_log *event_log_open(const char *path, uint64_t output_max);
/* Opens a finished one for reading; NULL when it is gone. */
struct event_log *event_log_open_finished(const char *path);
struct event_log *event_log_ref(struct event_log *l);
void event_log_unref(struct event_log *l); /* accepts NULL */

/* Takes `event`; puts "seq" and "time" before its members and appends the line. */
void event_log_add(struct event_log *l, json_t *event);
/* The same for a line that some program wrote: dropped once the limit is passed. */
void event_log_add_output(
	struct event_log *l, const char *source, const char *process, struct str line);

/* A JSON string of any text: what is not UTF-8 in it (words that were cut) becomes '?'. NULL and ""
 * become null. */
json_t *event_text(const char *text);

/* No event comes any more. */
void event_log_close(struct event_log *l);
bool event_log_is_closed(const struct event_log *l);

/* Appends bytes from *offset to `to` (at most n) and moves *offset; 0 when there are no more. */
size_t event_log_read(struct event_log *l, uint64_t *offset, struct buf *to, size_t n);

#endif
