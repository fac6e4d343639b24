/* SPDX-License-Identifier: Apache-2.0
 *
 * Completing route tables. Everything that is added lives in the table's arena.
 */
#include "agent/edge/table.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/log.h"
#include "lib/base/str.h"

#define ADMIN_UPSTREAM "agent"
/* A push of a whole repository with its history; berth-git has the finer limits. */
#define ADMIN_BODY_MAX (4ULL << 30)
/* git-receive-pack answers only when it has read everything. */
#define ADMIN_TIMEOUT_MS (600U * 1000)

static int out_of_room(struct err *err)
{
	return err_set(err, ENOBUFS, "the route table is too large");
}

static bool is_admin_site(const struct site *site)
{
	return site->app[0] == '\0';
}

/* One site for each host. The routes are shared: nobody changes them any more but to sort them. */
static int split_sites(struct routes *t, const char *admin_host, struct err *err)
{
	size_t hosts = 1, count = 0;

	for (size_t i = 0; i < t->site_count; i++)
		hosts += t->sites[i].host_count;
	struct site *sites = arena_alloc(&t->arena, hosts * sizeof *sites);
	if (!sites)
		return out_of_room(err);
	for (size_t i = 0; i < t->site_count; i++) {
		const struct site *from = &t->sites[i];
		for (size_t h = 0; h < from->host_count && !is_admin_site(from); h++) {
			if (admin_host && streq(from->hosts[h], admin_host)) {
				log_warn("edge.host_taken", "host=%s app=%s: is the admin host",
					admin_host, from->app);
				continue;
			}
			sites[count] = *from;
			sites[count].hosts = &from->hosts[h];
			sites[count++].host_count = 1;
		}
	}
	t->sites = sites;
	t->site_count = count;
	return 0;
}

static int add_admin_upstream(struct routes *t, const char *socket, struct err *err)
{
	for (size_t i = 0; i < t->upstream_count; i++)
		if (streq(t->upstreams[i].name, ADMIN_UPSTREAM))
			return 0;
	struct upstream *upstreams =
		arena_alloc(&t->arena, (t->upstream_count + 1) * sizeof *upstreams);
	const char **addresses = arena_alloc(&t->arena, sizeof *addresses);
	_cleanup_free_ char *address = xasprintf("unix:%s", socket);
	if (!upstreams || !addresses || !(*addresses = arena_dup(&t->arena, str_from(address))))
		return out_of_room(err);
	if (t->upstream_count > 0)
		memcpy(upstreams, t->upstreams, t->upstream_count * sizeof *upstreams);
	upstreams[t->upstream_count++] = (struct upstream){
		.name = ADMIN_UPSTREAM, .addresses = addresses, .address_count = 1};
	t->upstreams = upstreams;
	return 0;
}

/* split_sites() left room for it. */
static int add_admin_site(struct routes *t, const struct table_needs *needs, struct err *err)
{
	const char **hosts = arena_alloc(&t->arena, sizeof *hosts);
	struct route *route = arena_alloc(&t->arena, sizeof *route);

	if (!hosts || !route || !(*hosts = arena_dup(&t->arena, str_from(needs->admin_host))))
		return out_of_room(err);
	*route = (struct route){.prefix = "/", .kind = ROUTE_UPSTREAM, .upstream = ADMIN_UPSTREAM};
	t->sites[t->site_count++] = (struct site){
		.app = "",
		.hosts = hosts,
		.host_count = 1,
		.routes = route,
		.route_count = 1,
		.https_only = true,
		.body_max = ADMIN_BODY_MAX,
		.timeout_ms = ADMIN_TIMEOUT_MS,
	};
	return add_admin_upstream(t, needs->agent_socket, err);
}

static bool is_due(const struct table_needs *needs, const char *host, const struct x509_info *info)
{
	return x509_is_due(info, needs->now_ms) ||
	       !needs->issuer->ops->accepts(needs->issuer, host, info);
}

/* True when the host has a certificate, perhaps an old one. */
static bool find_certificate(
	const struct table_needs *needs, const char *host, struct x509_info *ret, unsigned *changed)
{
	bool found = certs_find(needs->certs, host, ret) == 0;
	if (found && !is_due(needs, host, ret))
		return true;
	struct err err;
	int r = needs->issuer->ops->request(needs->issuer, needs->certs, host, &err);
	if (r < 0)
		log_warn("edge.certificate", "host=%s error=\"%s\"", host, err.msg);
	if (r <= 0)
		return found;
	(*changed)++;
	return certs_find(needs->certs, host, ret) == 0;
}

static int set_certificate(struct routes *t, const struct certs *certs, struct site *site,
	const struct x509_info *info)
{
	const char *host = site->hosts[0];
	_cleanup_free_ char *chain = certs_path(certs, host, info->serial, "chain.pem");
	_cleanup_free_ char *key = certs_path(certs, host, info->serial, "key.pem");
	struct certificate *c = &t->certificates[t->certificate_count++];

	c->name = site->certificate = host;
	c->chain_path = arena_dup(&t->arena, str_from(chain));
	c->key_path = arena_dup(&t->arena, str_from(key));
	return c->chain_path && c->key_path ? 0 : -ENOBUFS;
}

int table_complete(
	struct routes *t, const struct table_needs *needs, unsigned *ret_changed, struct err *err)
{
	unsigned changed = 0;
	int r = split_sites(t, needs->admin_host, err);
	if (r == 0 && needs->admin_host)
		r = add_admin_site(t, needs, err);
	if (r < 0)
		return r;
	t->certificates = arena_alloc(&t->arena, (t->site_count + 1) * sizeof *t->certificates);
	t->certificate_count = 0;
	t->default_certificate = NULL; /* an unknown name must not get another site's */
	if (!t->certificates)
		return out_of_room(err);
	for (size_t i = 0; i < t->site_count; i++) {
		struct x509_info info;
		struct site *site = &t->sites[i];
		site->certificate = NULL;
		if (find_certificate(needs, site->hosts[0], &info, &changed) &&
			set_certificate(t, needs->certs, site, &info) < 0)
			return out_of_room(err);
	}
	*ret_changed = changed;
	/* A table from disk may have those of orders that are over. */
	t->challenges = NULL;
	t->challenge_count = 0;
	const struct issuer_ops *ops = needs->issuer->ops;
	if (ops->add_challenges && ops->add_challenges(needs->issuer, t) < 0)
		return out_of_room(err);
	return 0;
}

bool table_is_due(const struct routes *t, const struct table_needs *needs)
{
	for (size_t i = 0; i < t->site_count; i++) {
		struct x509_info info;
		if (certs_find(needs->certs, t->sites[i].hosts[0], &info) < 0 ||
			is_due(needs, t->sites[i].hosts[0], &info))
			return true;
	}
	return false;
}

void table_prune(const struct routes *t, struct certs *certs)
{
	for (size_t i = 0; i < t->site_count; i++) {
		struct x509_info info;
		const char *host = t->sites[i].hosts[0];
		if (t->sites[i].certificate && certs_find(certs, host, &info) == 0)
			certs_prune(certs, host, info.serial);
	}
}
