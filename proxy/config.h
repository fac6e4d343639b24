/* SPDX-License-Identifier: Apache-2.0
 *
 * The proxy's own configuration: where it listens, what it may use, how long it waits. A JSON
 * document that the agent or the package writes; what changes while it runs is the route table.
 */
#ifndef BERTH_PROXY_CONFIG_H
#define BERTH_PROXY_CONFIG_H

#include <stdbool.h>

#include "lib/base/err.h"

#define CONFIG_LISTEN_MAX 16
#define CONFIG_WORKERS_MAX 64

struct listen_address {
	char address[46]; /* numeric */
	unsigned port;
};

struct listen_list {
	struct listen_address at[CONFIG_LISTEN_MAX];
	size_t count;
};

/* Milliseconds. */
struct timeouts {
	uint64_t
		header; /* from a request's first byte (or the connection's start) to its head's end */
	uint64_t idle; /* between requests of a connection */
	uint64_t body; /* without a byte of a request body, or of progress in sending a response */
	uint64_t connect; /* to an instance */
	uint64_t hold; /* for an instance to come back, when all refuse connections */
	uint64_t upstream; /* to the head of the response, unless the site says */
	uint64_t stream; /* without a byte of a response body; event streams and tunnels may rest */
	uint64_t drain; /* for requests in flight after SIGTERM */
};

struct config {
	struct listen_list http, https;
	char *control; /* path of the control socket, or NULL */
	char *routes; /* path of the route table */
	unsigned workers;
	unsigned https_port; /* in redirects; 443 is left out of the URL */
	uint64_t body_max; /* bytes of a request body, unless the site says */
	struct timeouts timeouts;
};

/* Reads and checks the file; errors name the key. */
int config_load(const char *path, struct config *ret, struct err *err);
void config_release(struct config *c);

#endif
