/* SPDX-License-Identifier: Apache-2.0
 *
 * struct layout: where the agent's files are, made and locked. Knows paths and modes, not what is
 * in the files.
 */
#ifndef BERTH_AGENT_LAYOUT_H
#define BERTH_AGENT_LAYOUT_H

#include <stdbool.h>

#include "lib/base/err.h"

struct layout {
	char *state, *run;
	char *store, *routes, *certs, *acme, *ca, *ca_pem, *build_env;
	char *agent_socket, *api_socket, *proxy_socket;
	char *proxy_dir, *proxy_config; /* standalone mode: the proxy that is ours */
	int lock; /* held as long as the agent lives */
};

/* Names the paths. `state` and `run` are absolute. */
void layout_init(struct layout *l, const char *state, const char *run);
void layout_release(struct layout *l);

/* Are the addresses of sockets below it short enough? Says what to do. */
int layout_check_length(const struct layout *l, struct err *err);

/* Makes the folders. `proxy_group` (-1: none) may read certificates and the route table. */
int layout_make(const struct layout *l, int64_t proxy_group, struct err *err);

/* One agent at a time: -EADDRINUSE names the other one. */
int layout_lock(struct layout *l, struct err *err);

#endif
