/* SPDX-License-Identifier: Apache-2.0
 *
 * struct api: the agent's HTTP API on two UNIX sockets: one for people on the host, told apart by
 * the kernel, and one for the proxy, behind which tokens count. docs/api.md has the endpoints.
 */
#ifndef BERTH_AGENT_API_H
#define BERTH_AGENT_API_H

#include "lib/base/err.h"

struct access;
struct api;
struct edge;
struct engine;
struct ev_loop;
struct runtime;
struct store;

struct api_config {
	const char *agent_path; /* R/agent.sock */
	const char *proxy_path; /* R/api.sock: only the proxy may connect */
	int64_t admin_group; /* members are admins; -1: none */
	int64_t proxy_group; /* may connect to proxy_path; -1: the agent's own user only */
	const char *mode; /* "standalone", "systemd" */
	const char *base_domain;
	const char *admin_host; /* NULL: none */
	unsigned http_port, https_port;
	const char *state_dir; /* S */
	const char *ca_path; /* certificate of the local CA */
	const char *programs; /* folder of berth-git */
	/* What the endpoints speak to. Borrowed. */
	struct store *store;
	struct engine *engine;
	struct edge *edge;
	struct runtime *runtime;
};

/* Listens at once. Borrows the configuration and what it points to. */
struct api *api_new(struct ev_loop *loop, const struct api_config *config, struct err *err);
void api_free(struct api *api); /* closes every connection; accepts NULL */

#endif
