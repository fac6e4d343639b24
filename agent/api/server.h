/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the API share: struct api itself.
 */
#ifndef BERTH_AGENT_SERVER_H
#define BERTH_AGENT_SERVER_H

#include "agent/api/api.h"
#include "agent/api/conn.h"

#define API_CONNECTIONS_MAX 256 /* of each socket */

struct listener {
	struct api *api;
	enum conn_origin origin;
	int fd;
	char *path;
	struct ev_io acceptable;
	struct ev_timer retry; /* accept(2) has no descriptors left */
	unsigned count; /* of its connections */
};

struct api {
	struct ev_loop *loop;
	const struct api_config *config;
	struct access *access;
	struct listener local, proxy;
	struct list conns;
	struct list dead; /* connections to be freed when the loop comes round */
	struct ev_prepare reaper;
	struct list pushes; /* one for each berth-git, also when its client has gone */
	unsigned push_count;
};

/* In git.c: ends every berth-git. The connections are closed by then. */
void api_end_pushes(struct api *api);

/* A connection is dead: its place is free, its memory goes at the loop's end. */
void api_bury(struct api *api, struct conn *c);

#endif
