/* SPDX-License-Identifier: Apache-2.0
 *
 * The process: sockets, workers, tables.
 */
#include "proxy/proxy.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/base/log.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"
#include "lib/sys/sock.h"
#include "proxy/conn.h"
#include "proxy/listener.h"
#include "proxy/upstream.h"

#define FIRST_ACTIVATED_FD 3

static int read_routes(const char *path, struct routes **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (!file_exists(path)) {
		*ret = routes_new();
		return 0;
	}
	int r = file_read(path, ROUTES_BYTES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	if (routes_parse(text, len, ret, err) < 0)
		return err_wrap(err, "%s", path);
	return 0;
}

static void replace_table(struct proxy *p, struct table *t)
{
	table_unref(p->table);
	p->table = t;
	t->generation = ++p->generation;
}

int proxy_apply(struct proxy *p, struct routes *routes, struct err *err)
{
	struct table *t;

	if (table_build(routes, p->table, &p->counters, TABLE_STRICT, &t, err) < 0)
		return -EINVAL;
	replace_table(p, t);
	for (unsigned i = 0; i < p->config->workers; i++)
		worker_post_table(&p->workers[i], t);
	log_info("table.applied", "version=%llu sites=%zu", (unsigned long long)t->routes->version,
		t->routes->site_count);
	return 0;
}

int proxy_reload(struct proxy *p, struct err *err)
{
	struct routes *routes;
	int r = read_routes(p->config->routes, &routes, err);

	return r < 0 ? r : proxy_apply(p, routes, err);
}

uint64_t proxy_adopted_generation(const struct proxy *p)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < p->config->workers; i++) {
		uint64_t g = __atomic_load_n(&p->workers[i].adopted, __ATOMIC_ACQUIRE);
		least = g < least ? g : least;
	}
	return least;
}

/* The table to start with: the one on disk, as far as it can be used. */
static void load_first_table(struct proxy *p)
{
	struct routes *routes;
	struct table *t;
	struct err err = {0};

	if (read_routes(p->config->routes, &routes, &err) < 0) {
		log_error("routes.broken",
			"error=\"%s\" serving=nothing fix=\"let the agent write it again, or "
			"repair it and send SIGHUP\"",
			err.msg);
		routes = routes_new();
	}
	/* In lenient mode a checked table cannot fail. */
	must(table_build(routes, NULL, &p->counters, TABLE_LENIENT, &t, &err) == 0);
	replace_table(p, t);
}

/* A socket that was handed down is shared: each worker waits on its own copy of the descriptor. */
static int open_activated(struct proxy *p, unsigned count, char *names, struct err *err)
{
	struct str rest = str_from(names), name = STR("");

	for (unsigned i = 0; i < count; i++) {
		int fd = FIRST_ACTIVATED_FD + (int)i;
		if (!str_split(&rest, ':', &name))
			name = STR("");
		bool secure = str_eq(name, STR("https"));
		if (!secure && !str_eq(name, STR("http")))
			return err_set(err, EINVAL,
				"socket %u from the service manager is named '" STR_FMT
				"'; FileDescriptorName must be http or https",
				i, STR_ARG(name));
		if (fd_set_nonblocking(fd) < 0)
			return err_errno(err, EBADF, "socket %u from the service manager", i);
		for (unsigned w = 0; w < p->config->workers; w++) {
			int copy = w == 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
			if (copy < 0)
				return err_errno(err, errno, "cannot copy a listening socket");
			listener_open(&p->workers[w], copy, secure)->inherited = true;
		}
	}
	return 0;
}

/* SO_REUSEPORT lets our workers share the port, but another proxy of the same user as well: that
 * somebody is there already only shows without it. */
static int check_port_is_free(const struct listen_address *a, struct err *err)
{
	int fd = sock_listen_tcp(a->address, a->port, false, err);

	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

static int open_list(struct proxy *p, const struct listen_list *list, bool secure, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct listen_address *a = &list->at[i];
		if (check_port_is_free(a, err) < 0)
			return -EADDRINUSE;
		for (unsigned w = 0; w < p->config->workers; w++) {
			int fd = sock_listen_tcp(a->address, a->port, p->config->workers > 1, err);
			if (fd < 0)
				return fd;
			(void)listener_open(&p->workers[w], fd, secure);
		}
	}
	return 0;
}

static int open_listeners(struct proxy *p, struct err *err)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
	const char *env = getenv("LISTEN_FDNAMES");
	_cleanup_free_ char *names = env ? xstrdup(env) : xstrdup("");
	unsigned activated = sock_activated();

	if (activated > 0)
		return open_activated(p, activated, names, err);
	if (p->config->http.count + p->config->https.count == 0)
		return err_set(err, EINVAL,
			"nowhere to listen: give 'http' or 'https' addresses, or hand sockets "
			"down");
	int r = open_list(p, &p->config->http, false, err);
	return r < 0 ? r : open_list(p, &p->config->https, true, err);
}

static void on_adopted(struct ev_loop *loop, ev_async *async, int events)
{
	struct proxy *p = container_of(async, struct proxy, adopted);

	(void)loop;
	(void)events;
	if (p->on_adopted)
		p->on_adopted(p);
}

static struct tls_certificate *choose_certificate(void *arg, struct str server_name)
{
	const struct conn *c = arg;
	return table_certificate(c->worker->view->table, server_name);
}

int proxy_start(struct proxy *p, const struct config *config, struct ev_loop *loop, struct err *err)
{
	*p = (struct proxy){.config = config, .loop = loop};
	counters_init(&p->counters, config->workers);
	p->tls = tls_server_new(choose_certificate, err);
	if (!p->tls)
		return -EINVAL;
	load_first_table(p);
	ev_async_init(&p->adopted, on_adopted);
	ev_async_start(loop, &p->adopted);
	p->workers = xcalloc(config->workers, sizeof *p->workers);
	for (unsigned i = 0; i < config->workers; i++) {
		struct worker *w = &p->workers[i];
		worker_init(w, i, config);
		w->tls = p->tls;
		w->main_loop = loop;
		w->main_wake = &p->adopted;
	}
	int r = open_listeners(p, err);
	for (unsigned i = 0; r == 0 && i < config->workers; i++)
		r = worker_start(&p->workers[i], p->table, err);
	return r;
}

void proxy_stop(struct proxy *p)
{
	for (unsigned i = 0; i < p->config->workers; i++)
		worker_post_stop(&p->workers[i]);
	for (unsigned i = 0; i < p->config->workers; i++)
		worker_join(&p->workers[i]);
	for (unsigned i = 0; i < p->config->workers; i++)
		worker_release(&p->workers[i]);
	free(p->workers);
	ev_async_stop(p->loop, &p->adopted);
	table_unref(p->table);
	tls_server_free(p->tls);
	counters_release(&p->counters);
}

int proxy_check(const struct config *config, struct err *err)
{
	struct counters counters;
	struct routes *routes;
	struct table *t = NULL;
	int r = read_routes(config->routes, &routes, err);

	if (r < 0)
		return r;
	counters_init(&counters, config->workers);
	r = table_build(routes, NULL, &counters, TABLE_STRICT, &t, err);
	table_unref(t);
	counters_release(&counters);
	return r;
}
