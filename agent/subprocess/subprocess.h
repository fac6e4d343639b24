/* SPDX-License-Identifier: Apache-2.0
 *
 * struct subprocess: a helper program (berth-git, berth-acme) that the agent speaks with: its input,
 * output, words and control line by line, all without blocking and all bounded. Knows neither what
 * is said nor why.
 */
#ifndef BERTH_AGENT_SUBPROCESS_H
#define BERTH_AGENT_SUBPROCESS_H

#include <stdbool.h>

#include "lib/base/err.h"

struct ev_loop;
struct subprocess;

struct subprocess_events {
	void (*on_output)(void *data, const char *bytes, size_t n);
	/* A line of its control descriptor, without the newline, with a NUL. */
	void (*on_line)(void *data, const char *line);
	/* What was given to subprocess_write() has reached it. */
	void (*on_drained)(void *data);
	/* It has read what was given to subprocess_tell(). */
	void (*on_told)(void *data);
	/* It is gone and all of its output was delivered: its exit status (-1: killed), and the last
	 * line that it wrote to stderr. Free it from here or later. */
	void (*on_end)(void *data, int status, const char *words);
};

/* argv as proc_spawn() takes it; the control descriptor is the child's 3. No time limit until
 * subprocess_set_timeout(). */
int subprocess_new(struct ev_loop *loop, const char *const *argv,
	const struct subprocess_events *events, void *data, struct subprocess **ret,
	struct err *err);
void subprocess_free(struct subprocess *c); /* kills it when it still runs; accepts NULL */

void subprocess_write(struct subprocess *c, const void *bytes, size_t n);
void subprocess_end_input(struct subprocess *c); /* behind what was written */
size_t subprocess_unsent(const struct subprocess *c); /* bytes that it has not taken yet */
void subprocess_tell(struct subprocess *c, const char *line); /* on the control descriptor */
size_t subprocess_untold(const struct subprocess *c); /* bytes of that which it has not read yet */
void subprocess_pause_output(struct subprocess *c, bool is_paused);
void subprocess_set_timeout(struct subprocess *c, unsigned timeout_s); /* then killed; 0: never */
void subprocess_kill(struct subprocess *c); /* on_end comes */

#endif
