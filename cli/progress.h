/* SPDX-License-Identifier: Apache-2.0
 *
 * struct progress: what a person sees of a deploy. It turns steps and events into text in a buffer
 * that the caller writes to the terminal: pure, so that every state of the display can be tested.
 *
 * On a terminal one line is alive: the running step, how long it has run, and the last thing that
 * it printed; it becomes "✓ install dependencies  4.2s". Elsewhere every line is final.
 */
#ifndef BERTH_CLI_PROGRESS_H
#define BERTH_CLI_PROGRESS_H

#include <stdbool.h>

#include "cli/event.h"
#include "lib/base/buf.h"

#define PROGRESS_TAIL_LINES 30 /* of output, shown again under a failure */

struct progress_style {
	bool is_live; /* a terminal that understands "\r" and erasing */
	bool color;
	bool is_unicode;
	bool is_verbose; /* live: show output lines, not only the last one */
	unsigned width; /* columns, of a live display */
};

struct progress *progress_new(const struct progress_style *style);
void progress_free(struct progress *p); /* accepts NULL */

/* Text to write, in order; the caller clears it. */
struct buf *progress_output(struct progress *p);
void progress_set_width(struct progress *p, unsigned width);

/* Steps of the client itself. `detail` may be NULL. `now_ms` is monotonic, everywhere here. */
void progress_begin(struct progress *p, const char *name, int64_t now_ms);
void progress_detail(struct progress *p, const char *detail);
void progress_finish(struct progress *p, bool is_ok, const char *detail, int64_t now_ms);

/* An event of the agent. EVENT_END finishes what runs and, after a failure, shows the tail; its
 * words and the URL are the caller's to print. */
void progress_on_event(struct progress *p, const struct event *e, int64_t now_ms);

/* A line between the steps. */
void progress_note(struct progress *p, const char *text);

/* Redraws the live line. */
void progress_tick(struct progress *p, int64_t now_ms);
/* Removes it, so that other text can be printed; the next tick brings it back. */
void progress_hide(struct progress *p);

#endif
