/* SPDX-License-Identifier: Apache-2.0
 *
 * From a checked route table to one that serves.
 */
#include "proxy/table.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/base/log.h"

struct builder {
	struct table *table;
	const struct table *previous;
	struct map certificates, upstreams; /* name to index + 1 */
	struct tls_loader *loader; /* NULL until there is something to load */
	enum table_mode mode;
	struct err *err;
};

static void builder_release(struct builder *b)
{
	map_free(&b->certificates);
	map_free(&b->upstreams);
	tls_loader_free(b->loader);
}

static void *index_value(size_t i)
{
	return (void *)(uintptr_t)(i + 1); /* NOLINT(performance-no-int-to-ptr): map values */
}

static size_t find_index(const struct map *m, const char *name)
{
	void *value = map_get(m, str_from(name));
	must(value); /* routes_check() has seen it */
	return (size_t)(uintptr_t)value - 1;
}

/* A part that cannot be used: in strict mode the table fails, else it goes without. */
static int on_unusable(struct builder *b, struct err *err, const char *event)
{
	if (b->mode == TABLE_STRICT) {
		*b->err = *err;
		return -err->code;
	}
	log_error(event, "error=\"%s\"", err->msg);
	return 0;
}

static struct tls_certificate *find_previous(
	const struct table *previous, const struct certificate *c, size_t guess)
{
	if (!previous)
		return NULL;
	/* Tables change little: the same place is tried first, then all by name. */
	for (size_t n = 0; n <= previous->routes->certificate_count; n++) {
		size_t i = n == 0 ? guess : n - 1;
		if (i >= previous->routes->certificate_count || !previous->certificates[i] ||
			!streq(previous->routes->certificates[i].name, c->name))
			continue;
		return tls_certificate_is_current(
			       previous->certificates[i], c->chain_path, c->key_path)
			       ? previous->certificates[i]
			       : NULL;
	}
	return NULL;
}

static int build_certificate(struct builder *b, size_t i)
{
	const struct certificate *c = &b->table->routes->certificates[i];
	struct tls_certificate **to = &b->table->certificates[i];
	struct tls_certificate *kept = find_previous(b->previous, c, i);
	struct err err = {0};

	(void)map_set(&b->certificates, str_from(c->name), index_value(i));
	if (kept) {
		*to = tls_certificate_ref(kept);
		return 0;
	}
	if (!b->loader)
		b->loader = tls_loader_new();
	if (tls_certificate_load(b->loader, c->chain_path, c->key_path, to, &err) == 0)
		return 0;
	(void)err_wrap(&err, "certificates[%zu] '%s'", i, c->name);
	return on_unusable(b, &err, "table.certificate");
}

static int build_certificates(struct builder *b)
{
	const struct routes *routes = b->table->routes;

	b->table->certificates =
		xcalloc(routes->certificate_count + 1, sizeof(struct tls_certificate *));
	for (size_t i = 0; i < routes->certificate_count; i++)
		if (build_certificate(b, i) < 0)
			return -EINVAL;
	if (routes->default_certificate)
		b->table->default_certificate = b->table->certificates[find_index(
			&b->certificates, routes->default_certificate)];
	return 0;
}

static int build_route(struct builder *b, size_t site, size_t route)
{
	const struct route *r = &b->table->routes->sites[site].routes[route];
	struct table_site *to = &b->table->sites[site];
	struct err err = {0};

	to->roots[route] = -1;
	if (r->kind == ROUTE_UPSTREAM)
		to->upstreams[route] = (uint32_t)find_index(&b->upstreams, r->upstream);
	if (r->kind != ROUTE_STATIC)
		return 0;
	to->roots[route] = open(r->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (to->roots[route] >= 0)
		return 0;
	(void)err_errno(&err, errno, "sites[%zu].routes[%zu].root %s", site, route, r->root);
	return on_unusable(b, &err, "table.root");
}

static int build_site(struct builder *b, struct counters *counters, size_t i)
{
	const struct site *site = &b->table->routes->sites[i];
	struct table_site *to = &b->table->sites[i];

	to->counters = counters_ref(counters, site->app, site->release);
	to->certificate =
		site->certificate
			? b->table->certificates[find_index(&b->certificates, site->certificate)]
			: b->table->default_certificate;
	to->roots = xcalloc(site->route_count, sizeof *to->roots);
	to->upstreams = xcalloc(site->route_count, sizeof *to->upstreams);
	/* All are marked as closed first: a failure half-way frees what is there. */
	for (size_t k = 0; k < site->route_count; k++)
		to->roots[k] = -1;
	for (size_t k = 0; k < site->route_count; k++)
		if (build_route(b, i, k) < 0)
			return -EINVAL;
	return 0;
}

static void table_unrefp(struct table **t)
{
	table_unref(*t);
}

int table_build(struct routes *routes, const struct table *previous, struct counters *counters,
	enum table_mode mode, struct table **ret, struct err *err)
{
	_cleanup_(table_unrefp) struct table *t = xnew(struct table);
	_cleanup_(builder_release) struct builder b = {
		.table = t, .previous = previous, .mode = mode, .err = err};

	t->refs = 1;
	t->routes = routes;
	t->sites = xcalloc(routes->site_count + 1, sizeof *t->sites);
	router_init(&t->router, routes);
	for (size_t i = 0; i < routes->upstream_count; i++)
		(void)map_set(&b.upstreams, str_from(routes->upstreams[i].name), index_value(i));
	if (build_certificates(&b) < 0)
		return -EINVAL;
	for (size_t i = 0; i < routes->site_count; i++)
		if (build_site(&b, counters, i) < 0)
			return -EINVAL;
	*ret = take_ptr(t);
	return 0;
}

struct table *table_ref(struct table *t)
{
	(void)__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

static void free_site(struct table_site *s, const struct site *site)
{
	for (size_t k = 0; s->roots && k < site->route_count; k++)
		if (s->roots[k] >= 0)
			(void)close(s->roots[k]);
	free(s->roots);
	free(s->upstreams);
	release_counters_unref(s->counters);
}

void table_unref(struct table *t)
{
	if (!t || __atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) > 1)
		return;
	for (size_t i = 0; i < t->routes->site_count; i++)
		free_site(&t->sites[i], &t->routes->sites[i]);
	for (size_t i = 0; t->certificates && i < t->routes->certificate_count; i++)
		tls_certificate_unref(t->certificates[i]);
	router_release(&t->router);
	routes_unref(t->routes);
	free(t->sites);
	free(t->certificates);
	free(t);
}

struct tls_certificate *table_certificate(const struct table *t, struct str server_name)
{
	const struct site *site = server_name.len > 0 ? router_site(&t->router, server_name) : NULL;
	return site ? table_site(t, site)->certificate : t->default_certificate;
}
