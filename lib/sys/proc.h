/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes. A child starts with a clean signal state, its own session, and exactly the
 * descriptors, environment, limits and folder named here; secrets travel by descriptor or file,
 * never in the argument list.
 */
#ifndef BERTH_SYS_PROC_H
#define BERTH_SYS_PROC_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define PROC_FDS_MAX 8

struct proc_spec {
	const char *const *argv; /* argv[0] is a path, NULL-terminated; never searched in PATH */
	const char *const *env; /* NULL: the parent's environment */
	const char *dir; /* NULL: the parent's working directory */
	/* Child descriptor i is fds[i]; -1 is /dev/null for 0 to 2, closed above. Borrowed. */
	int fds[PROC_FDS_MAX];
	unsigned fd_count; /* at least 3 */
	uint64_t memory_max; /* RLIMIT_AS in bytes, 0: none */
	uint64_t cpu_seconds_max; /* RLIMIT_CPU, 0: none */
	uint64_t file_bytes_max; /* RLIMIT_FSIZE, 0: none */
	bool dies_with_parent; /* PR_SET_PDEATHSIG SIGKILL */
	int nice;
};

/* Starts the child: its pid, and a pidfd that becomes readable when it ends (pidfd_open(2)), which
 * the caller closes. Failure of exec is reported here, not as an exit status. */
int proc_spawn(const struct proc_spec *spec, pid_t *ret_pid, int *ret_pidfd, struct err *err);

/* Words for a wait status: "exited with status 3", "was killed by SIGSEGV". */
void proc_describe_status(int wait_status, char *to, size_t size);

/* Start time of a process in clock ticks since boot (field 22 of proc_pid_stat(5)); with the pid it
 * names a process for good. 0 when there is no such process. */
uint64_t proc_start_time(pid_t pid);

/* The folder of the running program, without a final slash: where sibling programs are. */
int proc_program_dir(char *to, size_t size);

#endif
