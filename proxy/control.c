/* SPDX-License-Identifier: Apache-2.0
 *
 * Control connections: JSON lines in, answers out. An "apply" is answered when all workers serve
 * its table; other requests of the same connection are not held up meanwhile.
 */
#include "proxy/control.h"

#include <errno.h>
#include <jansson.h>

#include "lib/base/log.h"
#include "lib/ipc/control.h"
#include "lib/sys/fd.h"
#include "lib/sys/sock.h"

#define PEERS_MAX 64
#define READ_BYTES 65536
#define OUT_BYTES_MAX (4u << 20)

struct control {
	struct proxy *proxy;
	char *path;
	ev_io acceptable;
	struct list peers;
	size_t peer_count;
};

struct peer {
	struct list link;
	struct control *control;
	int fd;
	ev_io readable, writable;
	struct buf in, out;
	struct list waiting; /* of struct waiting */
};

/* An apply whose table the workers do not all serve yet. */
struct waiting {
	struct list link;
	json_t *id;
	uint64_t generation, version;
};

static void waiting_free(struct waiting *w)
{
	list_remove(&w->link);
	json_decref(w->id);
	free(w);
}

static void peer_close(struct peer *p)
{
	struct ev_loop *loop = p->control->proxy->loop;

	ev_io_stop(loop, &p->readable);
	ev_io_stop(loop, &p->writable);
	list_for_each_safe (it, &p->waiting)
		waiting_free(container_of(it, struct waiting, link));
	list_remove(&p->link);
	p->control->peer_count--;
	(void)close(p->fd);
	buf_free(&p->in);
	buf_free(&p->out);
	free(p);
}

/* Takes the answer. */
static int answer(struct peer *p, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	must(text);
	int r = buf_puts(&p->out, text);
	r = r ? r : buf_puts(&p->out, "\n");
	free(text);
	ev_io_start(p->control->proxy->loop, &p->writable);
	return r;
}

static int answer_error(struct peer *p, json_t *id, const char *words)
{
	return answer(p, json_pack("{sOsbss}", "id", id, "ok", 0, "error", words));
}

static int answer_applied(struct peer *p, json_t *id, uint64_t version)
{
	return answer(p, json_pack("{sOsbsI}", "id", id, "ok", 1, "version", (json_int_t)version));
}

static int on_apply(struct peer *p, json_t *id, json_t *request)
{
	struct proxy *proxy = p->control->proxy;
	struct routes *routes;
	struct err err = {0};
	json_t *table = json_object_get(request, "table");

	if (!table)
		return answer_error(p, id, "table is missing");
	if (routes_from_json(table, &routes, &err) < 0) {
		log_warn("table.refused", "error=\"%s\"", err.msg);
		return answer_error(p, id, err.msg);
	}
	uint64_t version = routes->version;
	if (proxy_apply(proxy, routes, &err) < 0) {
		log_warn("table.refused", "error=\"%s\"", err.msg);
		return answer_error(p, id, err.msg);
	}
	struct waiting *w = xnew(struct waiting);
	w->id = json_incref(id);
	w->generation = proxy->generation;
	w->version = version;
	list_append(&p->waiting, &w->link);
	return 0;
}

static json_t *describe_releases(struct proxy *proxy)
{
	json_t *list = json_array();

	counters_prune(&proxy->counters);
	list_for_each (it, &proxy->counters.releases) {
		const struct release_counters *r = container_of(it, struct release_counters, link);
		struct counter_sum sum = release_counters_sum(&proxy->counters, r);
		json_t *o = json_pack("{sssIsIsIsI}", "app", r->app, "release",
			(json_int_t)r->release, "inflight", (json_int_t)sum.inflight, "requests",
			(json_int_t)sum.requests, "errors_5xx", (json_int_t)sum.errors_5xx);
		must(json_array_append_new(list, o) == 0);
	}
	return list;
}

static int on_status(struct peer *p, json_t *id)
{
	struct proxy *proxy = p->control->proxy;
	uint64_t connections = 0, requests = 0;

	for (unsigned i = 0; i < proxy->config->workers; i++) {
		const struct worker *w = &proxy->workers[i];
		connections += __atomic_load_n(&w->connections, __ATOMIC_RELAXED);
		requests += __atomic_load_n(&w->requests, __ATOMIC_RELAXED);
	}
	return answer(p,
		json_pack("{sOsbsIsIsIsIso}", "id", id, "ok", 1, "version",
			(json_int_t)proxy->table->routes->version, "workers",
			(json_int_t)proxy->config->workers, "connections", (json_int_t)connections,
			"requests", (json_int_t)requests, "releases", describe_releases(proxy)));
}

/* One request; a negative result closes the connection. */
static int on_line(struct peer *p, const char *line, size_t len)
{
	json_error_t bad;
	json_auto_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &bad);
	json_auto_t *none = json_null();

	if (!json_is_object(request))
		return answer_error(p, none, request ? "a request is an object" : bad.text);
	json_t *id = json_object_get(request, "id");
	if (!id)
		id = none;
	const char *op = json_string_value(json_object_get(request, "op"));
	if (streq(op, CONTROL_OP_APPLY))
		return on_apply(p, id, request);
	if (streq(op, CONTROL_OP_STATUS))
		return on_status(p, id);
	return answer_error(p, id, "op must be 'apply' or 'status'");
}

/* Handles the whole lines in the buffer; `from`: bytes before were looked at already. */
static int take_lines(struct peer *p, size_t from)
{
	for (;;) {
		const char *data = buf_data(&p->in);
		size_t len = buf_len(&p->in);
		const char *end = len > from ? memchr(data + from, '\n', len - from) : NULL;
		if (!end)
			return 0;
		size_t n = (size_t)(end - data);
		int r = on_line(p, data, n);
		if (r < 0)
			return r;
		buf_consume(&p->in, n + 1);
		from = 0;
	}
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct peer *p = container_of(io, struct peer, readable);
	size_t before = buf_len(&p->in);

	(void)loop;
	(void)events;
	ssize_t n = fd_read(p->fd, &p->in, READ_BYTES);
	if (n == -EAGAIN)
		return;
	if (n <= 0 || take_lines(p, before) < 0) {
		peer_close(p);
		return;
	}
	if (buf_len(&p->in) == 0)
		buf_free(&p->in);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct peer *p = container_of(io, struct peer, writable);

	(void)events;
	ssize_t n = buf_len(&p->out) > 0 ? fd_write(p->fd, &p->out) : 0;
	if (n < 0 && n != -EAGAIN) {
		peer_close(p);
		return;
	}
	if (buf_len(&p->out) == 0) {
		buf_free(&p->out);
		ev_io_stop(loop, io);
	}
}

static void on_peer(struct ev_loop *loop, ev_io *io, int events)
{
	struct control *c = container_of(io, struct control, acceptable);
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (c->peer_count >= PEERS_MAX) {
		(void)close(fd);
		return;
	}
	struct peer *p = xnew(struct peer);
	p->control = c;
	p->fd = fd;
	p->in = BUF_INIT(CONTROL_LINE_MAX);
	p->out = BUF_INIT(OUT_BYTES_MAX);
	list_init(&p->waiting);
	ev_io_init(&p->readable, on_readable, fd, EV_READ);
	ev_io_init(&p->writable, on_writable, fd, EV_WRITE);
	ev_io_start(loop, &p->readable);
	list_append(&c->peers, &p->link);
	c->peer_count++;
}

static void answer_waiting(struct peer *p, uint64_t adopted)
{
	list_for_each_safe (it, &p->waiting) {
		struct waiting *w = container_of(it, struct waiting, link);
		if (w->generation > adopted)
			continue;
		int r = answer_applied(p, w->id, w->version);
		waiting_free(w);
		if (r < 0) {
			peer_close(p);
			return;
		}
	}
}

static void on_adopted(struct proxy *proxy)
{
	struct control *c = proxy->control;
	uint64_t adopted = proxy_adopted_generation(proxy);

	list_for_each_safe (it, &c->peers)
		answer_waiting(container_of(it, struct peer, link), adopted);
}

int control_open(struct proxy *p, const char *path, struct control **ret, struct err *err)
{
	int fd = sock_listen_unix(path, SOCK_STREAM, 0660, err);
	if (fd < 0)
		return fd;
	struct control *c = xnew(struct control);
	c->proxy = p;
	c->path = xstrdup(path);
	list_init(&c->peers);
	ev_io_init(&c->acceptable, on_peer, fd, EV_READ);
	ev_io_start(p->loop, &c->acceptable);
	p->control = c;
	p->on_adopted = on_adopted;
	*ret = c;
	return 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	list_for_each_safe (it, &c->peers)
		peer_close(container_of(it, struct peer, link));
	ev_io_stop(c->proxy->loop, &c->acceptable);
	(void)close(c->acceptable.fd);
	(void)unlink(c->path);
	c->proxy->on_adopted = NULL;
	c->proxy->control = NULL;
	free(c->path);
	free(c);
}
