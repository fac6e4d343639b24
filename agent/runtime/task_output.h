/* SPDX-License-Identifier: Apache-2.0
 *
 * struct task_output: the output of a task, read on the loop from its pipe and told line by line.
 */
#ifndef BERTH_AGENT_RUNTIME_TASK_OUTPUT_H
#define BERTH_AGENT_RUNTIME_TASK_OUTPUT_H

#include <ev.h>

#include "agent/runtime/lines.h"

struct task_output {
	struct ev_loop *loop;
	int fd; /* -1: not open yet, or at its end */
	struct line_splitter lines;
	ev_io readable;
	void (*on_end)(void *data); /* the last line was told; may free the output */
	void *data;
};

void task_output_init(struct task_output *o, struct ev_loop *loop, on_line on_line,
	void (*on_end)(void *data), void *data);
/* Begins to read; takes `fd`. */
void task_output_open(struct task_output *o, int fd);
void task_output_release(struct task_output *o);

#endif
