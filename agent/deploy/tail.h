/* SPDX-License-Identifier: Apache-2.0
 *
 * struct tail: the last lines that the processes of one release wrote, out of what
 * runtime->open_logs() gives. For the words of a failed deploy.
 */
#ifndef BERTH_AGENT_TAIL_H
#define BERTH_AGENT_TAIL_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#define TAIL_LINES 20

struct ev_loop;
struct tail;

struct tail_line {
	char *process, *text;
};

/* Comes once, never from within tail_start(); the lines are borrowed. The tail may be freed in it. */
typedef void (*tail_on_lines)(void *data, const struct tail_line *lines, size_t count);

/* Takes the descriptor; ends at end of file or after two seconds. */
struct tail *tail_start(
	struct ev_loop *loop, int fd, unsigned release, tail_on_lines on_lines, void *data);
void tail_free(struct tail *t); /* accepts NULL */

#endif
