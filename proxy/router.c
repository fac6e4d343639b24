/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing by host and path.
 */
#include "proxy/router.h"

#include "lib/base/ident.h"

void router_init(struct router *r, const struct routes *routes)
{
	map_init(&r->hosts);
	for (size_t i = 0; i < routes->site_count; i++)
		for (size_t k = 0; k < routes->sites[i].host_count; k++)
			(void)map_set(
				&r->hosts, str_from(routes->sites[i].hosts[k]), &routes->sites[i]);
}

void router_release(struct router *r)
{
	map_free(&r->hosts);
}

const struct site *router_site(const struct router *r, struct str host)
{
	char name[IDENT_DOMAIN_MAX + 2];

	if (host.len > 0 && host.p[host.len - 1] == '.')
		host.len--;
	if (host.len == 0 || host.len > IDENT_DOMAIN_MAX)
		return NULL;
	/* The first byte stays free: a wildcard's key may be one longer than its label. */
	for (size_t i = 0; i < host.len; i++) {
		char c = host.p[i];
		name[i + 1] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	const struct site *site = map_get(&r->hosts, (struct str){name + 1, host.len});
	if (site)
		return site;
	char *dot = memchr(name + 1, '.', host.len);
	if (!dot || dot == name + 1)
		return NULL;
	dot[-1] = '*';
	return map_get(&r->hosts, (struct str){dot - 1, host.len - (size_t)(dot - (name + 1)) + 1});
}

static bool takes(const char *prefix, struct str path)
{
	size_t n = strlen(prefix);

	if (n == 1)
		return path.len > 0 && path.p[0] == '/';
	return path.len >= n && memcmp(path.p, prefix, n) == 0 &&
	       (path.len == n || path.p[n] == '/');
}

const struct route *router_route(const struct site *site, struct str path)
{
	for (size_t i = 0; i < site->route_count; i++)
		if (takes(site->routes[i].prefix, path))
			return &site->routes[i];
	return NULL;
}

bool router_challenge(
	const struct routes *routes, struct str host, struct str path, const struct challenge **ret)
{
	static const struct str prefix = {
		"/.well-known/acme-challenge/", sizeof "/.well-known/acme-challenge/" - 1};
	bool is_host_asked = false;

	*ret = NULL;
	if (routes->challenge_count == 0 || !str_starts(path, prefix))
		return false;
	if (host.len > 0 && host.p[host.len - 1] == '.')
		host.len--;
	struct str token = {path.p + prefix.len, path.len - prefix.len};
	for (size_t i = 0; i < routes->challenge_count; i++) {
		const struct challenge *c = &routes->challenges[i];
		if (!str_ieq(host, str_from(c->host)))
			continue;
		is_host_asked = true;
		if (str_eq(token, str_from(c->token)))
			*ret = c;
	}
	return is_host_asked;
}
