/* SPDX-License-Identifier: Apache-2.0
 *
 * All descendants of a process, as /proc shows them at one moment. Under a subreaper
 * (PR_SET_CHILD_SUBREAPER) this is exact: a daemon that forked twice is still a descendant.
 */
#ifndef BERTH_AGENT_RUNTIME_PROCESS_TREE_H
#define BERTH_AGENT_RUNTIME_PROCESS_TREE_H

#include <sys/types.h>

#include "lib/base/base.h"

/* Sends `sig` to every living descendant of `root`, not to root itself. Returns how many there
 * were, zombies not counted, or -errno. Signal 0 only counts. */
int process_tree_signal(pid_t root, int sig);

/* Private resident memory of root's descendants in bytes: resident pages less shared ones. */
uint64_t process_tree_memory(pid_t root);

#endif
