/* SPDX-License-Identifier: Apache-2.0
 *
 * One request, one response: routing, who may have it, and the hand-over to a source.
 */
#include "proxy/exchange.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/ident.h"
#include "proxy/files.h"
#include "proxy/forward.h"
#include "proxy/pages.h"
#include "proxy/tls.h"

static void on_deadline(struct deadline *d)
{
	struct exchange *x = container_of(d, struct exchange, deadline);

	if (x->active && x->on_deadline)
		x->on_deadline(x);
}

void exchange_init(struct exchange *x, struct worker *w, const struct exchange_client *client)
{
	*x = (struct exchange){.worker = w, .client = client};
	deadline_init(&x->deadline, on_deadline);
}

/* Lets go of everything; the codec is told by the caller. */
static void release(struct exchange *x, bool cancelled)
{
	if (x->source)
		x->source->release(x);
	x->source = NULL;
	x->on_deadline = NULL;
	deadline_set(&x->deadline, x->worker->loop, 0);
	if (x->counters) {
		counter_move(&x->counters->inflight, -1);
		if (x->status >= 500 || (x->status == 0 && !cancelled))
			counter_add(&x->counters->errors_5xx, 1);
	}
	x->counters = NULL;
	x->active = false;
	if (x->view)
		view_unref(take_ptr(x->view));
	x->site = NULL;
}

void exchange_cancel(struct exchange *x)
{
	if (x->active)
		release(x, true);
	deadline_stop(&x->deadline, x->worker->loop);
}

void exchange_respond(struct exchange *x, const struct response_head *head)
{
	must(x->active && !x->responded);
	x->responded = true;
	x->status = head->status;
	x->client->send_head(x, head);
}

bool exchange_send(struct exchange *x, const void *data, size_t len, bool last)
{
	return x->client->send_body(x, data, len, last);
}

void exchange_flush(struct exchange *x)
{
	x->client->flush(x);
}

void exchange_end(struct exchange *x)
{
	if (!x->active)
		return;
	release(x, false);
	x->client->send_end(x);
}

static void respond_whole(struct exchange *x, struct response_head *head, struct str body)
{
	head->body = x->is_head ? RESPONSE_NO_BODY : RESPONSE_LENGTH;
	head->has_length = true;
	head->length = body.len;
	exchange_respond(x, head);
	if (x->active && !x->is_head)
		(void)exchange_send(x, body.p, body.len, true);
	exchange_end(x);
}

void exchange_page(
	struct exchange *x, unsigned status, const struct http_field *fields, size_t field_count)
{
	char text[PAGE_BYTES_MAX];
	size_t len = page_write(status, text);
	struct http_field all[8] = {
		{STR("Content-Type"), STR("text/html; charset=utf-8")},
		{STR("Cache-Control"), STR("no-store")},
	};
	struct response_head head = {
		.status = status, .fields = all, .field_count = 2 + field_count};

	must(head.field_count <= ARRAY_SIZE(all));
	for (size_t i = 0; i < field_count; i++)
		all[2 + i] = fields[i];
	respond_whole(x, &head, (struct str){text, len});
}

/* For the CA that proves who has the host: a document of its own, whatever the site is. */
static void answer_challenge(
	struct exchange *x, const struct http_head *head, const struct challenge *challenge)
{
	static const struct http_field fields[] = {
		{STR("Content-Type"), STR("application/octet-stream")},
		{STR("Cache-Control"), STR("no-store")},
	};
	struct response_head answer = {
		.status = 200, .fields = fields, .field_count = ARRAY_SIZE(fields)};

	if (!x->is_head && !str_eq(head->method, STR("GET")))
		exchange_page(x, 405, NULL, 0);
	else if (!challenge)
		exchange_page(x, 404, NULL, 0);
	else
		respond_whole(x, &answer, str_from(challenge->key_authorization));
}

void exchange_fail(struct exchange *x, unsigned status)
{
	if (!x->active)
		return;
	if (!x->responded) {
		if (x->source)
			x->source->release(x);
		x->source = NULL;
		exchange_page(x, status, NULL, 0);
		return;
	}
	/* A response that broke off is a failure, whatever its status said. */
	x->status = 0;
	release(x, false);
	x->client->abort(x);
}

/* 308 keeps method and body (RFC 9110 §15.4.9). */
static void redirect(struct exchange *x, const struct http_head *head, bool secure, struct str host)
{
	char location[HTTP_TARGET_BYTES_MAX + IDENT_DOMAIN_MAX + 32], port[8] = "";
	unsigned https_port = x->worker->config->https_port;

	if (secure && https_port != 443)
		(void)snprintf(port, sizeof port, ":%u", https_port);
	int n = snprintf(location, sizeof location, "%s://" STR_FMT "%s" STR_FMT "%s" STR_FMT,
		secure ? "https" : "http", STR_ARG(host), port, STR_ARG(head->path),
		head->query.len > 0 ? "?" : "", STR_ARG(head->query));
	must(n > 0 && (size_t)n < sizeof location);
	const struct http_field field = {STR("Location"), {location, (size_t)n}};
	exchange_page(x, 308, &field, 1);
}

/* May a request for `host` be answered on this connection? The handshake proved one name; another
 * one is fine when the same certificate speaks for it (RFC 9110 §7.4, RFC 9113 §9.1.1). */
static bool is_misdirected(
	const struct exchange *x, const struct exchange_request *request, struct str host)
{
	struct str name = request->secure ? tls_server_name(request->stream) : STR("");
	const struct table *t = x->view->table;

	if (name.len == 0 || str_ieq(name, host))
		return false;
	const struct site *shown = router_site(&t->router, name);
	const char *shown_certificate =
		shown && shown->certificate ? shown->certificate : t->routes->default_certificate;
	const char *own =
		x->site->certificate ? x->site->certificate : t->routes->default_certificate;
	return !(own && streq(shown_certificate, own)) && !tls_covers(request->stream, host);
}

static void count_begin(struct exchange *x)
{
	const struct table_site *site = table_site(x->view->table, x->site);

	x->counters = &site->counters->cells[x->worker->index];
	counter_move(&x->counters->inflight, 1);
	counter_add(&x->counters->requests, 1);
}

static const struct route *find_upstream_route(const struct site *site, const char *prefix)
{
	for (size_t i = 0; site && i < site->route_count; i++)
		if (site->routes[i].kind == ROUTE_UPSTREAM && streq(site->routes[i].prefix, prefix))
			return &site->routes[i];
	return NULL;
}

const struct route *exchange_reroute(struct exchange *x, const struct route *route)
{
	struct view *now = x->worker->view;
	const struct site *site = router_site(&now->table->router, str_from(x->site->hosts[0]));
	const struct route *found = find_upstream_route(site, route->prefix);

	if (now == x->view || !found || !streq(site->app, x->site->app))
		return NULL;
	counter_move(&x->counters->inflight, -1);
	view_unref(x->view);
	x->view = view_ref(now);
	x->site = site;
	count_begin(x);
	return found;
}

static uint64_t body_limit(const struct exchange *x)
{
	if (x->site->body_max)
		return x->site->body_max;
	/* The agent's API takes whole repositories and has limits of its own. */
	return *x->site->app ? x->worker->config->body_max : UINT64_MAX;
}

static void dispatch(
	struct exchange *x, const struct exchange_request *request, const struct route *route)
{
	switch (route->kind) {
	case ROUTE_UPSTREAM:
		forward_begin(x, request, route);
		break;
	case ROUTE_STATIC:
		files_begin(x, request, route);
		break;
	case ROUTE_REDIRECT:
		redirect(x, request->head, request->secure || x->site->https_only,
			str_from(route->redirect_host));
		break;
	}
}

/* The site takes the request: everything that can be said without a source. */
static void begin_at_site(
	struct exchange *x, const struct exchange_request *request, struct str host)
{
	const struct http_head *head = request->head;

	if (is_misdirected(x, request, host)) {
		exchange_page(x, 421, NULL, 0);
		return;
	}
	if (x->site->https_only && !request->secure) {
		redirect(x, head, true, host);
		return;
	}
	count_begin(x);
	x->body_left = body_limit(x);
	if (head->framing == HTTP_BODY_LENGTH && head->content_length > x->body_left) {
		exchange_page(x, 413, NULL, 0);
		return;
	}
	const struct route *route = router_route(x->site, head->path);
	if (!route)
		exchange_page(x, 404, NULL, 0);
	else if (str_eq(head->method, STR("TRACE")))
		exchange_page(x, 405, NULL, 0);
	else
		dispatch(x, request, route);
}

void exchange_begin(struct exchange *x, const struct exchange_request *request)
{
	const struct http_head *head = request->head;
	struct str host;

	must(!x->active);
	x->active = true;
	x->responded = false;
	x->request_done = head->framing == HTTP_BODY_NONE;
	x->status = 0;
	x->is_head = str_eq(head->method, STR("HEAD"));
	x->view = view_ref(x->worker->view);
	counter_add(&x->worker->requests, 1);
	if (http_authority_split(head->host, &host, NULL))
		x->site = router_site(&x->view->table->router, host);
	const struct challenge *challenge = NULL;
	if (x->site && router_challenge(x->view->table->routes, host, head->path, &challenge))
		answer_challenge(x, head, challenge);
	else if (x->site)
		begin_at_site(x, request, host);
	else
		exchange_page(x, 421, NULL, 0);
}

bool exchange_body(struct exchange *x, const void *data, size_t len)
{
	if (!x->active || !x->source || !x->source->on_body)
		return true;
	if (len > x->body_left) {
		exchange_fail(x, 413);
		return true;
	}
	x->body_left -= len;
	return x->source->on_body(x, data, len);
}

void exchange_body_end(struct exchange *x)
{
	x->request_done = true;
	if (x->active && x->source && x->source->on_body_end)
		x->source->on_body_end(x);
}

void exchange_flush_request(struct exchange *x)
{
	if (x->active && x->source && x->source->on_request_flush)
		x->source->on_request_flush(x);
}

void exchange_resume(struct exchange *x)
{
	if (x->active && x->source && x->source->on_resume)
		x->source->on_resume(x);
}
