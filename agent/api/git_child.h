/* SPDX-License-Identifier: Apache-2.0
 *
 * struct git_child: one berth-git that serves one request: its input, output, words and control
 * line by line, all without blocking and all bounded. Knows neither HTTP nor deploys.
 */
#ifndef BERTH_AGENT_GIT_CHILD_H
#define BERTH_AGENT_GIT_CHILD_H

#include <stdbool.h>

#include "lib/base/err.h"

struct ev_loop;
struct git_child;

struct git_child_events {
	void (*on_output)(void *data, const char *bytes, size_t n);
	/* A line of its control descriptor, without the newline, with a NUL. */
	void (*on_line)(void *data, const char *line);
	/* What was given to git_child_write() has reached it. */
	void (*on_drained)(void *data);
	/* It has read what was given to git_child_tell(). */
	void (*on_told)(void *data);
	/* It is gone and all of its output was delivered: its exit status (-1: killed), and the last
	 * line that it wrote to stderr. Free it from here or later. */
	void (*on_end)(void *data, int status, const char *words);
};

/* argv as proc_spawn() takes it; the control descriptor is the child's 3. No time limit until
 * git_child_set_timeout(). */
int git_child_new(struct ev_loop *loop, const char *const *argv,
	const struct git_child_events *events, void *data, struct git_child **ret, struct err *err);
void git_child_free(struct git_child *c); /* kills it when it still runs; accepts NULL */

void git_child_write(struct git_child *c, const void *bytes, size_t n);
void git_child_end_input(struct git_child *c); /* behind what was written */
size_t git_child_unsent(const struct git_child *c); /* bytes that it has not taken yet */
void git_child_tell(struct git_child *c, const char *line); /* on the control descriptor */
size_t git_child_untold(const struct git_child *c); /* bytes of that which it has not read yet */
void git_child_pause_output(struct git_child *c, bool is_paused);
void git_child_set_timeout(struct git_child *c, unsigned timeout_s); /* then killed; 0: never */
void git_child_kill(struct git_child *c); /* on_end comes */

#endif
