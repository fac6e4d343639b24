/* SPDX-License-Identifier: Apache-2.0
 *
 * What systemd runs as root around each unit of an app (ExecStartPre=+ and ExecStopPost=+): short
 * runs of berth-hostd that work when no hostd is there, at boot as well.
 */
#ifndef BERTH_AGENT_HOSTD_HOOKS_H
#define BERTH_AGENT_HOSTD_HOOKS_H

#include "lib/base/err.h"
#include "lib/ipc/hostd.h"

/* How the unit ended last, from the file that hook_ended() writes. */
struct ended {
	unsigned failures; /* ends in a row, each less than a minute after its start */
	bool timed_out, out_of_memory;
	int exit_status; /* -1: a signal, or never started */
	char text[128]; /* words: "exited with status 3" */
};

/* Hands the tree of a build to its user; holds back an instance that ends again and again for
 * 1, 2, 4 ... 30 s. */
int hook_prepare(const struct hostd_request *unit, struct err *err);

/* Writes down how it ended, from systemd's variables; takes the tree of a build back. */
int hook_ended(const struct hostd_request *unit, struct err *err);

/* Takes back what a power cut, or a hook that was killed, left to a build's user: the agent could not
 * remove it. Trees of builds that `is_running` knows are left alone. */
void hooks_recover_trees(bool (*is_running)(const struct hostd_request *unit));

int ended_read(const struct hostd_request *unit, struct ended *ret);
void ended_remove(const struct hostd_request *unit);

#endif
