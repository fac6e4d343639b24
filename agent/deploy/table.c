/* SPDX-License-Identifier: Apache-2.0
 *
 * Building route tables. Every string is copied into the table's arena, whose maximum is the only
 * way in which this can fail.
 */
#include "agent/deploy/table.h"

#include <errno.h>

#include "agent/deploy/release_files.h"
#include "lib/base/str.h"

const struct plan_process *table_web_process(const struct plan *plan)
{
	const struct plan_process *first = NULL;

	for (size_t i = 0; i < plan->process_count; i++) {
		const struct plan_process *p = &plan->processes[i];
		if (!p->listens)
			continue;
		if (streq(p->name, "web"))
			return p;
		if (!first)
			first = p;
	}
	return first;
}

static const char *dup_text(struct arena *a, const char *text)
{
	return arena_dup(a, str_from(text));
}

/* A copied array of texts; NULL when the arena is full. */
static const char **dup_texts(struct arena *a, const char *const *texts, size_t count)
{
	const char **copies = arena_alloc(a, (count ? count : 1) * sizeof *copies);

	for (size_t i = 0; copies && i < count; i++)
		if (!(copies[i] = dup_text(a, texts[i])))
			return NULL;
	return copies;
}

/* S/apps/<app>/releases/<code>/app[/<dir>] */
static const char *static_root(struct arena *a, const struct runtime_paths *paths,
	const struct table_app *app, const char *dir)
{
	_cleanup_free_ char *code = release_path(paths, app->name, app->code_release, "app");
	bool is_all = streq(dir, ".") || streq(dir, "");
	_cleanup_free_ char *root = is_all ? xstrdup(code) : xasprintf("%s/%s", code, dir);
	return dup_text(a, root);
}

static int add_static(struct routes *t, const struct runtime_paths *paths,
	const struct table_app *app, const struct plan_static *from, struct route *to)
{
	*to = (struct route){
		.prefix = dup_text(&t->arena, from->prefix),
		.kind = ROUTE_STATIC,
		.root = static_root(&t->arena, paths, app, from->dir),
		.fallback = from->fallback ? dup_text(&t->arena, from->fallback) : NULL,
		.strip_prefix = true,
	};
	return to->prefix && to->root && (to->fallback || !from->fallback) ? 0 : -ENOBUFS;
}

/* "shop.7.web": what the proxy's pools are kept by. */
static int add_upstream(
	struct routes *t, const struct table_app *app, const char *process, struct route *to)
{
	_cleanup_free_ char *name = xasprintf("%s.%u.%s", app->name, app->release, process);
	struct upstream *u = &t->upstreams[t->upstream_count];

	*u = (struct upstream){
		.name = dup_text(&t->arena, name),
		.addresses = dup_texts(&t->arena, app->addresses, app->address_count),
		.address_count = app->address_count,
	};
	*to = (struct route){.prefix = "/", .kind = ROUTE_UPSTREAM, .upstream = u->name};
	if (!u->name || !u->addresses)
		return -ENOBUFS;
	t->upstream_count++;
	return 0;
}

static int add_routes(struct routes *t, const struct runtime_paths *paths,
	const struct table_app *app, struct site *site)
{
	const struct plan_process *web = table_web_process(app->plan);
	bool has_root = false;
	int r = 0;

	site->routes = arena_alloc(&t->arena, (app->plan->static_count + 1) * sizeof *site->routes);
	if (!site->routes)
		return -ENOBUFS;
	for (size_t i = 0; i < app->plan->static_count && r == 0; i++) {
		const struct plan_static *s = &app->plan->statics[i];
		has_root = has_root || streq(s->prefix, "/");
		r = add_static(t, paths, app, s, &site->routes[site->route_count++]);
	}
	if (r == 0 && web && app->address_count > 0 && !has_root)
		r = add_upstream(t, app, web->name, &site->routes[site->route_count++]);
	return r;
}

static int add_site(
	struct routes *t, const struct runtime_paths *paths, const struct table_app *app)
{
	struct site *site = &t->sites[t->site_count];

	*site = (struct site){
		.app = dup_text(&t->arena, app->name),
		.release = app->release,
		.hosts = dup_texts(&t->arena, app->hosts, app->host_count),
		.host_count = app->host_count,
		.https_only = true,
	};
	if (!site->app || !site->hosts)
		return -ENOBUFS;
	int r = add_routes(t, paths, app, site);
	/* Nothing to route: the slot is used by the next app. */
	if (r == 0 && site->route_count > 0 && site->host_count > 0)
		t->site_count++;
	return r;
}

int table_build(const struct runtime_paths *paths, const struct table_app *apps, size_t count,
	struct routes **ret, struct err *err)
{
	struct routes *t = routes_new();
	int r = 0;

	t->sites = arena_alloc(&t->arena, (count + 1) * sizeof *t->sites);
	t->upstreams = arena_alloc(&t->arena, (count + 1) * sizeof *t->upstreams);
	if (!t->sites || !t->upstreams)
		r = -ENOBUFS;
	for (size_t i = 0; i < count && r == 0; i++)
		r = add_site(t, paths, &apps[i]);
	if (r < 0) {
		routes_unref(t);
		return err_set(err, ENOBUFS, "the route table is too large; remove some apps");
	}
	*ret = t;
	return 0;
}
