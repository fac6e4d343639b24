/* SPDX-License-Identifier: Apache-2.0
 *
 * The route table: everything the proxy knows of the sites, in one declarative document. The agent
 * writes it to disk and pushes it over the control socket; the proxy validates it whole and
 * applies it whole, or refuses it whole. The JSON form is described in docs/routes.md.
 *
 * A table is built, then frozen: after routes_check() nobody changes it, and the proxy's threads
 * share it by reference count. All strings are owned by the table's arena.
 */
#ifndef BERTH_IPC_ROUTES_H
#define BERTH_IPC_ROUTES_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

#define ROUTES_BYTES_MAX (16u << 20)

struct json_t; /* jansson's; its header stays out of those who only fill in a table */

enum route_kind {
	ROUTE_UPSTREAM, /* proxied to the instances of an upstream */
	ROUTE_STATIC, /* files of a folder */
	ROUTE_REDIRECT, /* to another host, path and query kept (308) */
};

struct route {
	const char *prefix; /* "/" or "/static": matches whole segments only */
	enum route_kind kind;
	const char *upstream; /* ROUTE_UPSTREAM: name in table->upstreams */
	/* ROUTE_STATIC */
	const char *root; /* absolute folder */
	const char *fallback; /* file under root for paths that do not exist (SPA), or NULL */
	bool strip_prefix; /* look up the path without the prefix */
	const char *redirect_host; /* ROUTE_REDIRECT */
};

/* One release of one app as visitors see it. */
struct site {
	const char *app; /* "shop", or "" for the agent's API */
	unsigned release; /* 7; drain counts are kept by (app, release) */
	const char **hosts;
	size_t host_count;
	struct route *routes; /* routes_check() sorts them: longest prefix first */
	size_t route_count;
	bool https_only; /* plain HTTP is redirected with 308 */
	const char *certificate; /* name in table->certificates, NULL: the default one */
	uint64_t body_max; /* bytes of a request body, 0: the proxy's default */
	uint64_t timeout_ms; /* to the first response byte, 0: the proxy's default */
};

/* Instances that can answer; requests are spread over them. */
struct upstream {
	const char *name; /* "shop.7.web" */
	const char **addresses; /* "unix:/run/...", "tcp:127.0.0.1:20001" */
	size_t address_count;
};

struct certificate {
	const char *name;
	const char *chain_path; /* PEM, leaf first */
	const char *key_path; /* PEM */
};

/* What a CA asks for under /.well-known/acme-challenge/ (RFC 8555 §8.3). */
struct challenge {
	const char *host; /* exact, no wildcard */
	const char *token; /* last segment of the path */
	const char *key_authorization; /* the answer */
};

struct routes {
	struct arena arena;
	unsigned refs;
	uint64_t version;
	struct site *sites;
	size_t site_count;
	struct upstream *upstreams;
	size_t upstream_count;
	struct certificate *certificates;
	size_t certificate_count;
	struct challenge *challenges;
	size_t challenge_count;
	const char *default_certificate; /* for unknown or absent SNI; NULL: refuse the handshake */
};

struct routes *routes_new(void);
struct routes *routes_ref(struct routes *r); /* thread-safe */
void routes_unref(struct routes *r); /* thread-safe; accepts NULL */

/* Duplicate hosts, unknown upstreams and certificates, bad names, relative paths, ...: an error
 * names the site and the field. Sorts routes. */
int routes_check(struct routes *r, struct err *err);

/* JSON text to a checked table, and back (ends with a newline, owned by the caller). */
int routes_parse(const char *text, size_t len, struct routes **ret, struct err *err);
char *routes_format(const struct routes *r);

/* The same as jansson objects, for the envelope of the control socket. from: borrows; to: new. */
int routes_from_json(const struct json_t *top, struct routes **ret, struct err *err);
struct json_t *routes_to_json(const struct routes *r);

#endif
