/* SPDX-License-Identifier: Apache-2.0
 *
 * struct edge: the agent's side of the proxy. Keeps the connection to its control socket, publishes
 * route tables (to disk first, then over the socket), asks what still drains, and sees to it that
 * every host in the table has a certificate. Who runs the proxy is not its business
 * (agent/edge/proxy_process.h does, in standalone mode).
 */
#ifndef BERTH_AGENT_EDGE_H
#define BERTH_AGENT_EDGE_H

#include "lib/base/err.h"
#include <stdbool.h>

#include "lib/ipc/routes.h"

struct acme_config;
struct ev_loop;
struct edge;

struct edge_config {
	const char *routes_path; /* proxy/routes.json */
	const char *control_path; /* proxy's control socket */
	const char *certs_dir; /* certs/<host>/<serial>/{chain,key}.pem */
	const char *ca_dir; /* local CA */
	const struct acme_config *acme; /* NULL: the local CA makes all certificates */
	const char *admin_host; /* host name under which the API is reached, NULL: not */
	const char *agent_socket; /* where the proxy finds the API */
	unsigned https_port; /* for edge_url() */
	void (*on_connected)(void *data); /* each time the control socket connects; may be NULL */
	void *data;
};

/* Copies the configuration. Publishes nothing: the proxy goes on with the table that it has until
 * the first edge_publish(). */
struct edge *edge_new(struct ev_loop *loop, const struct edge_config *config, struct err *err);
void edge_free(struct edge *e); /* callbacks under way are not called; accepts NULL */

/* Publishes a table (takes it, also on failure): gives it a version, adds the admin site and the
 * certificates, writes it to disk, sends it. A site with several hosts becomes one site a host, so
 * that each has a certificate of its own. on_done comes later, never from within the call: 0 when
 * every worker of the proxy serves it; -EINVAL with the proxy's words when it refused; -ENOTCONN
 * when the proxy cannot be reached in time (it will read the file when it starts). A newer
 * publication does not cancel an older one; answers come in order. A failure of the call itself
 * means that nothing has changed, and on_done does not come. */
typedef void (*edge_on_published)(void *data, int result, const struct err *err);
int edge_publish(struct edge *e, struct routes *table, edge_on_published on_done, void *data,
	struct err *err);

/* Waits until the proxy has answered for every table that was published so far: on_done comes later,
 * with the last one's result. */
struct barrier;
struct barrier *edge_wait(struct edge *e, void (*on_done)(void *data, int result), void *data);
void edge_wait_cancel(struct barrier *w); /* before on_done; accepts NULL */

/* What the proxy counts for a release; `known` false: it has left the proxy, nothing in flight. */
struct edge_counts {
	bool known;
	uint64_t inflight, requests, errors_5xx;
};
typedef void (*edge_on_counts)(void *data, int result, const struct edge_counts *counts);
int edge_counts(
	struct edge *e, const char *app, unsigned release, edge_on_counts on_counts, void *data);

/* "https://shop.localhost:8443" for a host: with the port only where it is not 443. */
void edge_url(const struct edge *e, const char *host, char *to, size_t size);

/* What there is to say of a host's certificate. */
struct edge_certificate {
	const char *host;
	const char *issuer; /* "local", "acme"; NULL: there is no certificate */
	int64_t expires_ms, renewal_ms; /* wall clock */
	bool is_ordering; /* the next one is under way */
	const char *error; /* why the last order failed, "" */
	int64_t retry_ms; /* and when it is tried again */
};

/* Calls on_each for every host that is published. */
int edge_certificates(struct edge *e, void (*on_each)(void *data, const struct edge_certificate *c),
	void *data, struct err *err);

/* Asks for another certificate now. 1: it is published. 0: it is ordered. -ENOENT: the host is not
 * published; -EBUSY: not now; err says more. */
int edge_renew(struct edge *e, const char *host, struct err *err);

/* Is the control socket connected just now? */
bool edge_is_connected(const struct edge *e);

#endif
