/* SPDX-License-Identifier: Apache-2.0
 *
 * What berth-supervise writes about the program below it, read by the agent. The file is our own,
 * but it is checked as if it were not: a power cut may leave anything.
 */
#ifndef BERTH_AGENT_RUNTIME_SUPERVISED_H
#define BERTH_AGENT_RUNTIME_SUPERVISED_H

#include <sys/types.h>

#include "agent/runtime/runtime.h"

struct supervised {
	pid_t pid; /* of the supervisor */
	uint64_t start_time; /* with the pid it names the process for good, see proc_start_time() */
	bool ended; /* the program is over and will not be started again */
	enum instance_state state;
	unsigned restarts;
	int64_t since_ms;
	int exit_status; /* -1: none */
	bool timed_out, out_of_memory;
	char reason[96];
};

int supervised_read(const char *path, struct supervised *ret);

/* The spec of an instance, kept beside its state for an agent that finds it running. */
int supervised_write_spec(const char *path, const struct instance_spec *spec, struct err *err);
int supervised_read_spec(const char *path, struct instance_spec *ret);

#endif
