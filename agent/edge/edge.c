/* SPDX-License-Identifier: Apache-2.0
 *
 * Publishing and counting. The file on disk is the truth: it is written before the proxy hears of a
 * table, and what a proxy that comes back has missed is read from it.
 */
#include "agent/edge/edge.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>

#include "agent/edge/barrier.h"
#include "agent/edge/control.h"
#include "agent/edge/table.h"
#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/ipc/control.h"
#include "lib/sys/file.h"

#define APPLY_DEADLINE_MS 10000
#define STATUS_DEADLINE_MS 3000
#define RENEWAL_INTERVAL_S 3600.
#define ROUTES_MODE 0640

struct edge {
	struct ev_loop *loop;
	char *routes_path, *control_path, *certs_dir, *ca_dir, *admin_host, *agent_socket;
	unsigned https_port;
	uint64_t version; /* of the last table that was written */
	struct control *control;
	struct certs *certs;
	struct issuer *issuer;
	struct list publications, questions;
	struct barriers barriers; /* of publications */
	struct ev_timer renewal;
	void (*on_connected)(void *data);
	void *data;
};

/* A table on its way to the proxy. */
struct publication {
	struct list link;
	struct edge *edge;
	struct routes *table; /* kept when certificates changed: what is left is pruned behind it */
	edge_on_published on_done; /* NULL: our own doing */
	void *data;
};

/* A question for counts on its way. */
struct question {
	struct list link;
	char app[64];
	unsigned release;
	edge_on_counts on_counts;
	void *data;
};

static struct table_needs needs_of(struct edge *e)
{
	return (struct table_needs){.certs = e->certs,
		.issuer = e->issuer,
		.admin_host = e->admin_host,
		.agent_socket = e->agent_socket,
		.now_ms = clock_wall_ms()};
}

static void publication_free(struct publication *p)
{
	list_remove(&p->link);
	routes_unref(p->table);
	free(p);
}

static void on_applied(void *data, int result, const json_t *answer, const struct err *err)
{
	struct publication *p = data;
	edge_on_published on_done = p->on_done;
	void *done_data = p->data;

	(void)answer;
	if (result == 0 && p->table)
		table_prune(p->table, p->edge->certs);
	if (result < 0 && !on_done)
		log_warn("edge.publish", "error=\"%s\"", err->msg);
	barriers_end(&p->edge->barriers, result);
	publication_free(p);
	if (on_done)
		on_done(done_data, result, err);
}

static void send_table(struct edge *e, const char *text, struct publication *p)
{
	list_append(&e->publications, &p->link);
	barriers_begin(&e->barriers);
	control_request(e->control, CONTROL_OP_APPLY, text, APPLY_DEADLINE_MS, on_applied, p);
}

static struct publication *publication_new(struct edge *e, edge_on_published on_done, void *data)
{
	struct publication *p = xnew(struct publication);

	p->edge = e;
	p->on_done = on_done;
	p->data = data;
	list_init(&p->link);
	return p;
}

/* Completed, checked and on disk; *ret_text is what was written. */
static int write_table(struct edge *e, struct routes *table, unsigned *ret_changed, char **ret_text,
	struct err *err)
{
	struct table_needs needs = needs_of(e);
	int r = table_complete(table, &needs, ret_changed, err);
	table->version = e->version + 1;
	if (r == 0)
		r = routes_check(table, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *text = routes_format(table);
	if (strlen(text) > ROUTES_BYTES_MAX)
		return err_set(
			err, EFBIG, "the route table has more than %u bytes", ROUTES_BYTES_MAX);
	r = file_replace(e->routes_path, text, strlen(text), ROUTES_MODE, err);
	if (r < 0)
		return r;
	e->version = table->version;
	*ret_text = take_ptr(text);
	return 0;
}

/* With `replaces` there are certificates on disk that the table before this one had. */
static int publish(struct edge *e, struct routes *table, bool replaces, edge_on_published on_done,
	void *data, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	unsigned changed;
	int r = write_table(e, table, &changed, &text, err);
	if (r < 0) {
		routes_unref(table);
		return r;
	}
	struct publication *p = publication_new(e, on_done, data);
	if (changed > 0 || replaces)
		p->table = table;
	else
		routes_unref(table);
	send_table(e, text, p);
	return 0;
}

int edge_publish(struct edge *e, struct routes *table, edge_on_published on_done, void *data,
	struct err *err)
{
	return publish(e, table, false, on_done, data, err);
}

/* The table on disk: what was published last. */
static int read_table(const struct edge *e, struct routes **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (!file_exists(e->routes_path))
		return err_set(err, ENOENT, "nothing is published yet");
	int r = file_read(e->routes_path, ROUTES_BYTES_MAX, &text, &len, err);
	return r < 0 ? r : routes_parse(text, len, ret, err);
}

enum again { IF_DUE, ALWAYS };

/* The table on disk once more, with the certificates and challenges that it should have now. */
static int publish_again(struct edge *e, enum again when)
{
	struct routes *table;
	struct err err;
	int r = read_table(e, &table, &err);

	if (r == -ENOENT)
		return r;
	if (r == 0) {
		struct table_needs needs = needs_of(e);
		if (when == IF_DUE && !table_is_due(table, &needs)) {
			routes_unref(table);
			return 0;
		}
		r = publish(e, table, when == ALWAYS, NULL, NULL, &err);
	}
	if (r < 0)
		log_warn("edge.renewal", "error=\"%s\"", err.msg);
	return r;
}

static void describe(struct edge *e, const char *host, struct edge_certificate *ret)
{
	const struct issuer_ops *ops = e->issuer->ops;
	struct issuer_state state = {.error = ""};
	struct x509_info info;

	if (ops->describe)
		ops->describe(e->issuer, host, &state);
	*ret = (struct edge_certificate){.host = host,
		.is_ordering = state.is_ordering,
		.error = state.error,
		.retry_ms = state.retry_ms};
	if (certs_find(e->certs, host, &info) < 0)
		return;
	ret->issuer = ops->is_local(e->issuer, &info) ? "local" : "acme";
	ret->expires_ms = info.not_after_ms;
	ret->renewal_ms = x509_due_ms(&info);
}

int edge_certificates(struct edge *e, void (*on_each)(void *data, const struct edge_certificate *c),
	void *data, struct err *err)
{
	struct edge_certificate c;
	struct routes *table;
	int r = read_table(e, &table, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < table->site_count; i++) {
		describe(e, table->sites[i].hosts[0], &c);
		on_each(data, &c);
	}
	routes_unref(table);
	return 0;
}

static bool is_published(const struct routes *table, const char *host)
{
	for (size_t i = 0; i < table->site_count; i++)
		if (streq(table->sites[i].hosts[0], host))
			return true;
	return false;
}

int edge_renew(struct edge *e, const char *host, struct err *err)
{
	const struct issuer_ops *ops = e->issuer->ops;
	struct routes *table;
	int r = read_table(e, &table, err);

	if (r < 0)
		return r;
	if (!is_published(table, host))
		r = err_set(err, ENOENT, "no app is published as %s", host);
	routes_unref(table);
	if (r == 0)
		r = (ops->renew ? ops->renew : ops->request)(e->issuer, e->certs, host, err);
	if (r == 1)
		(void)publish_again(e, ALWAYS);
	return r;
}

static void on_renewal(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	(void)publish_again(w->data, IF_DUE);
}

static void on_issued(void *data, const char *host, int result, const struct err *err)
{
	if (result < 0)
		log_warn("edge.certificate", "host=%s error=\"%s\"", host, err->msg);
	else
		log_info("edge.certificate", "host=%s", host);
	(void)publish_again(data, ALWAYS); /* in any case without the challenge */
}

static void on_due(void *data)
{
	(void)publish_again(data, IF_DUE);
}

static struct barrier *on_publish(
	void *data, void (*on_done)(void *done_data, int result), void *done_data)
{
	struct edge *e = data;

	return publish_again(e, ALWAYS) < 0 ? NULL : barrier_new(&e->barriers, on_done, done_data);
}

/* A proxy that was started from an older file, or not from this one, gets the table on disk. */
static void on_first_status(void *data, int result, const json_t *answer, const struct err *err)
{
	struct edge *e = data;
	_cleanup_free_ char *text = NULL;
	json_int_t version = json_integer_value(json_object_get(answer, "version"));

	(void)err;
	if (result < 0)
		return;
	if (version > 0 && (uint64_t)version > e->version)
		e->version = (uint64_t)version;
	else if ((uint64_t)version < e->version &&
		 file_read(e->routes_path, ROUTES_BYTES_MAX, &text, NULL, NULL) == 0)
		send_table(e, text, publication_new(e, NULL, NULL));
	(void)publish_again(e, IF_DUE);
}

static void on_connected(void *data)
{
	struct edge *e = data;
	control_request(
		e->control, CONTROL_OP_STATUS, NULL, STATUS_DEADLINE_MS, on_first_status, e);
	if (e->on_connected)
		e->on_connected(e->data);
}

/* Where the versions go on. A table that cannot be read is replaced soon; the clock then keeps
 * the numbers above those that it had. */
static void read_version(struct edge *e)
{
	_cleanup_free_ char *text = NULL;
	struct routes *table;
	struct err err;
	size_t len;

	if (!file_exists(e->routes_path))
		return;
	int r = file_read(e->routes_path, ROUTES_BYTES_MAX, &text, &len, &err);
	if (r == 0)
		r = routes_parse(text, len, &table, &err);
	if (r != 0) {
		log_warn("edge.routes_unreadable", "error=\"%s\"", err.msg);
		e->version = (uint64_t)clock_wall_ms() / 1000;
		return;
	}
	e->version = table->version;
	routes_unref(table);
}

static void copy_config(struct edge *e, const struct edge_config *c)
{
	e->routes_path = xstrdup(c->routes_path);
	e->control_path = xstrdup(c->control_path);
	e->certs_dir = xstrdup(c->certs_dir);
	e->ca_dir = xstrdup(c->ca_dir);
	e->agent_socket = xstrdup(c->agent_socket);
	e->admin_host = c->admin_host ? xstrdup(c->admin_host) : NULL;
	e->https_port = c->https_port;
	e->on_connected = c->on_connected;
	e->data = c->data;
}

struct edge *edge_new(struct ev_loop *loop, const struct edge_config *config, struct err *err)
{
	struct edge *e = xnew(struct edge);

	e->loop = loop;
	list_init(&e->publications);
	list_init(&e->questions);
	barriers_init(&e->barriers, loop);
	copy_config(e, config);
	ev_timer_init(&e->renewal, on_renewal, RENEWAL_INTERVAL_S, RENEWAL_INTERVAL_S);
	e->renewal.data = e;
	int r = local_ca_new(e->ca_dir, &e->issuer, err);
	if (r == 0 && config->acme)
		r = acme_new(loop, config->acme, take_ptr(e->issuer), &e->issuer, err);
	if (r < 0) {
		edge_free(e);
		return NULL;
	}
	e->issuer->on_issued = on_issued;
	e->issuer->on_due = on_due;
	e->issuer->publish = on_publish;
	e->issuer->data = e;
	e->certs = certs_new(e->certs_dir);
	read_version(e);
	e->control = control_new(loop, e->control_path, on_connected, e);
	ev_timer_start(loop, &e->renewal);
	return e;
}

void edge_free(struct edge *e)
{
	if (!e)
		return;
	ev_timer_stop(e->loop, &e->renewal);
	if (e->issuer)
		e->issuer->ops->free(e->issuer); /* its orders wait at the barriers */
	control_free(e->control);
	barriers_release(&e->barriers);
	list_for_each_safe (it, &e->publications)
		publication_free(container_of(it, struct publication, link));
	list_for_each_safe (it, &e->questions)
		free(container_of(it, struct question, link));
	certs_free(e->certs);
	free(e->routes_path);
	free(e->control_path);
	free(e->certs_dir);
	free(e->ca_dir);
	free(e->agent_socket);
	free(e->admin_host);
	free(e);
}

struct barrier *edge_wait(struct edge *e, void (*on_done)(void *data, int result), void *data)
{
	return barrier_new(&e->barriers, on_done, data);
}

void edge_wait_cancel(struct barrier *w)
{
	barrier_cancel(w);
}

static uint64_t count_of(const json_t *release, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(release, key));
	return n > 0 ? (uint64_t)n : 0;
}

static struct edge_counts find_counts(const json_t *answer, const struct question *q)
{
	json_t *release;
	size_t i;

	json_array_foreach (json_object_get(answer, "releases"), i, release) {
		const char *app = json_string_value(json_object_get(release, "app"));
		if (streq(app, q->app) && count_of(release, "release") == q->release)
			return (struct edge_counts){.known = true,
				.inflight = count_of(release, "inflight"),
				.requests = count_of(release, "requests"),
				.errors_5xx = count_of(release, "errors_5xx")};
	}
	return (struct edge_counts){0};
}

static void on_status(void *data, int result, const json_t *answer, const struct err *err)
{
	struct question *q = data;
	struct edge_counts counts = {0};

	(void)err;
	if (result == 0)
		counts = find_counts(answer, q);
	list_remove(&q->link);
	q->on_counts(q->data, result, &counts);
	free(q);
}

int edge_counts(
	struct edge *e, const char *app, unsigned release, edge_on_counts on_counts, void *data)
{
	struct question *q = xnew(struct question);

	must(str_copy(q->app, sizeof q->app, str_from(app)) == 0);
	q->release = release;
	q->on_counts = on_counts;
	q->data = data;
	list_append(&e->questions, &q->link);
	control_request(e->control, CONTROL_OP_STATUS, NULL, STATUS_DEADLINE_MS, on_status, q);
	return 0;
}

void edge_url(const struct edge *e, const char *host, char *to, size_t size)
{
	if (e->https_port == 443)
		(void)snprintf(to, size, "https://%s", host);
	else
		(void)snprintf(to, size, "https://%s:%u", host, e->https_port);
}

bool edge_is_connected(const struct edge *e)
{
	return control_is_connected(e->control);
}
