/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-supervise: one small process above each instance and each task of the embedded runtime. It
 * starts the program, restarts an instance that ends (after 1, 2, 4 ... 30 s), keeps its log, holds it to
 * its memory and time, and when it is told to stop (SIGTERM) leaves no process behind. It outlives
 * the agent, which finds it again by the state file.
 *
 * The state file is JSON, replaced whole at each change; agent/runtime/embedded_state.h reads it.
 */
#ifndef BERTH_AGENT_RUNTIME_SUPERVISE_SUPERVISOR_H
#define BERTH_AGENT_RUNTIME_SUPERVISE_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct supervise_options {
	const char *state_path;
	const char *log_path; /* NULL: the program writes to our own stdout and stderr */
	bool restart; /* an instance: start it again when it ends */
	uint64_t stop_timeout_ms; /* between SIGTERM and SIGKILL */
	uint64_t memory_max; /* bytes of all its processes together, 0: none */
	uint64_t timeout_ms; /* 0: none */
	pid_t parent; /* end when this process, our parent, ends; 0: outlive it */
	const char *const *argv;
};

/* Returns when the program has ended for good and no process of it is left. */
int supervise(const struct supervise_options *options, struct err *err);

#endif
