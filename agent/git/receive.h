/* SPDX-License-Identifier: Apache-2.0
 *
 * receive_run(): one push, from the body of POST git-receive-pack on stdin to its answer on stdout.
 * The stages: commands, pack into quarantine and judged (agent/git/unpack.h, in a child), moved in,
 * refs; a branch moves only once its commit is live.
 */
#ifndef BERTH_AGENT_GIT_RECEIVE_H
#define BERTH_AGENT_GIT_RECEIVE_H

#include <stdbool.h>

#include "agent/git/pack_scan.h"

struct receive_options {
	bool is_gzip;
	int control_fd; /* to berth-agent; -1: branches are stored and not deployed */
	struct pack_limits limits;
};

/* 0 when the client was answered, also with refusals; -EBADMSG when this was no push; another
 * -errno when nothing could be done. In these cases nothing was written. */
int receive_run(const char *repo_path, const struct receive_options *options, struct err *err);

#endif
