/* SPDX-License-Identifier: Apache-2.0
 *
 * Views: tables resolved to a worker's instances. An instance, with its open connections, lives
 * as long as a view has its address, so a new table that keeps an address keeps the pool.
 */
#include <arpa/inet.h>
#include <sys/un.h>

#include "lib/base/parse.h"
#include "proxy/upstream.h"

static void unix_address(struct instance *i, const char *path)
{
	struct sockaddr_un *to = (struct sockaddr_un *)&i->to;

	to->sun_family = AF_UNIX;
	must(str_copy(to->sun_path, sizeof to->sun_path, str_from(path)) == 0);
	i->to_len = sizeof *to;
}

/* "127.0.0.1:80" or "[::1]:80"; routes_check() has seen that it is one. */
static void tcp_address(struct instance *i, const char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&i->to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&i->to;
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	unsigned port = 0;

	must(colon && parse_unsigned(colon + 1, 1, UINT16_MAX, &port) == 0);
	struct str name = {text, (size_t)(colon - text)};
	if (name.p[0] == '[')
		name = (struct str){name.p + 1, name.len - 2};
	must(str_copy(host, sizeof host, name) == 0);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		i->to_len = sizeof *v4;
		return;
	}
	must(inet_pton(AF_INET6, host, &v6->sin6_addr) == 1);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	i->to_len = sizeof *v6;
}

static struct instance *instance_ref(struct worker *w, const char *address)
{
	struct instance *i = map_get(&w->instances, str_from(address));

	if (i) {
		i->refs++;
		return i;
	}
	i = xnew(struct instance);
	i->address = xstrdup(address);
	i->worker = w;
	i->refs = 1;
	list_init(&i->idle);
	if (has_prefix(address, "unix:"))
		unix_address(i, address + strlen("unix:"));
	else
		tcp_address(i, address + strlen("tcp:"));
	(void)map_set(&w->instances, str_from(address), i);
	return i;
}

static void instance_unref(struct instance *i)
{
	if (--i->refs > 0)
		return;
	list_for_each_safe (it, &i->idle)
		upstream_close(container_of(it, struct upstream_conn, link));
	(void)map_remove(&i->worker->instances, str_from(i->address));
	free(i->address);
	free(i);
}

static struct view *view_new(struct worker *w, struct table *table)
{
	const struct routes *routes = table->routes;
	struct view *v = xnew(struct view);
	size_t total = 0;

	v->refs = 1;
	v->worker = w;
	v->table = table;
	v->first = xcalloc(routes->upstream_count + 1, sizeof *v->first);
	for (size_t i = 0; i < routes->upstream_count; i++) {
		v->first[i] = total;
		total += routes->upstreams[i].address_count;
	}
	v->first[routes->upstream_count] = total;
	v->instances = xcalloc(total + 1, sizeof(struct instance *));
	for (size_t i = 0; i < routes->upstream_count; i++)
		for (size_t k = 0; k < routes->upstreams[i].address_count; k++)
			v->instances[v->first[i] + k] =
				instance_ref(w, routes->upstreams[i].addresses[k]);
	return v;
}

struct view *view_ref(struct view *v)
{
	v->refs++;
	return v;
}

void view_unref(struct view *v)
{
	if (--v->refs > 0)
		return;
	size_t total = v->first[v->table->routes->upstream_count];
	for (size_t i = 0; i < total; i++)
		instance_unref(v->instances[i]);
	free((void *)v->instances);
	free(v->first);
	table_unref(v->table);
	free(v);
}

void view_adopt(struct worker *w, struct table *table)
{
	/* The new view first: what both have is kept. */
	struct view *old = w->view;
	w->view = view_new(w, table);
	if (old)
		view_unref(old);
}

void view_drop(struct worker *w)
{
	if (w->view)
		view_unref(w->view);
	w->view = NULL;
}

struct instance *view_pick(struct view *v, uint32_t upstream, const struct instance *avoid)
{
	size_t first = v->first[upstream], n = v->first[upstream + 1] - first;
	double now = ev_now(v->worker->loop);
	struct instance *best = NULL;
	size_t best_rank = SIZE_MAX;

	v->turn++;
	for (size_t k = 0; k < n; k++) {
		struct instance *i = v->instances[first + (v->turn + k) % n];
		/* Worse than any load: it refused a moment ago; worse still: just now, to us. */
		size_t rank = i->outstanding + (i->down_until > now ? (size_t)1 << 32 : 0) +
			      (i == avoid ? (size_t)1 << 33 : 0);
		if (rank < best_rank) {
			best = i;
			best_rank = rank;
		}
	}
	return best;
}
