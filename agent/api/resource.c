/* SPDX-License-Identifier: Apache-2.0
 *
 * Apps, releases and deploys as JSON.
 */
#include "agent/api/resource.h"

#include <errno.h>

#include "agent/api/server.h"
#include "agent/deploy/engine.h"
#include "agent/store/progress.h"
#include "agent/edge/edge.h"
#include "lib/base/clock.h"

#define URL_MAX (IDENT_DOMAIN_MAX + 24)

int resource_find_app(struct exchange *x, struct app_row *ret)
{
	struct err err;
	int r = store_app_get(x->api->config->store, exchange_app(x), ret, &err);
	if (r == -ENOENT)
		reply_error(x, REPLY_NOT_FOUND, "see the apps that there are with: berth apps",
			"no app is named '%s'", exchange_app(x));
	else if (r < 0)
		reply_err(x, &err);
	return r;
}

char *resource_default_host(const struct exchange *x, const char *app)
{
	return xasprintf("%s.%s", app, x->api->config->base_domain);
}

/* The default host must be free: not the admin host, not a domain of another app. */
static int check_default_host(struct exchange *x, const char *name)
{
	_cleanup_free_ char *host = resource_default_host(x, name);
	struct domain_row *rows = NULL;
	size_t count = 0;
	struct err err;
	int r = 0;

	if (streq(host, x->api->config->admin_host)) {
		reply_error(x, REPLY_CONFLICT, "choose another name for the app",
			"%s is the address of the API", host);
		return -EEXIST;
	}
	if (store_domain_list(x->api->config->store, NULL, &rows, &count, &err) < 0) {
		reply_err(x, &err);
		return -err.code;
	}
	for (size_t i = 0; i < count && r == 0; i++)
		if (streq(rows[i].domain, host) && !streq(rows[i].app, name)) {
			reply_error(x, REPLY_CONFLICT, "choose another name for the app",
				"%s is a domain of app '%s'", host, rows[i].app);
			r = -EEXIST;
		}
	free(rows);
	return r;
}

int resource_add_app(struct exchange *x, const char *name, bool is_new_wanted)
{
	struct store *store = x->api->config->store;
	struct app_row row;
	struct err err;

	if (!is_new_wanted && store_app_get(store, name, &row, NULL) == 0)
		return 0;
	int r = check_default_host(x, name);
	if (r < 0)
		return r;
	r = store_app_add(store, name, &err);
	if (r < 0)
		reply_err(x, &err);
	return r;
}

struct published {
	struct exchange *x;
	unsigned status;
	json_t *body;
	struct barrier *barrier;
};

static void on_published_gone(struct exchange *x)
{
	struct published *p = x->stream;

	edge_wait_cancel(p->barrier);
	json_decref(p->body);
	free(p);
}

static void on_published(void *data, int result)
{
	struct published *p = data;

	(void)result; /* the edge has said it; what was asked for is stored */
	p->barrier = NULL;
	reply_json(p->x, p->status, json_incref(p->body));
}

void resource_reply_published(struct exchange *x, unsigned status, json_t *body)
{
	struct published *p = xnew(struct published);

	*p = (struct published){.x = x, .status = status, .body = body};
	x->stream = p;
	x->on_gone = on_published_gone;
	p->barrier = edge_wait(x->api->config->edge, on_published, p);
}

json_t *describe_time(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];

	if (wall_ms == 0)
		return json_null();
	clock_format_rfc3339(wall_ms, text);
	return json_string(text);
}

static const char *state_name(enum release_state state)
{
	switch (state) {
	case RELEASE_BUILDING:
		return "building";
	case RELEASE_READY:
		return "ready";
	case RELEASE_FAILED:
		return "failed";
	case RELEASE_PRUNED:
		return "pruned";
	default:
		return "unknown";
	}
}

json_t *describe_release(const struct release_row *r, unsigned live, unsigned rollback_target)
{
	json_t *source = r->source ? json_loads(r->source, 0, NULL) : NULL;
	json_t *o = json_pack("{s:i,s:s,s:b,s:s*,s:o*,s:s*,s:o,s:o,s:b}", "number", (int)r->number,
		"state", state_name(r->state), "live", r->number == live, "commit",
		r->commit[0] ? r->commit : NULL, "source", source, "description", r->description,
		"created", describe_time(r->created_ms), "went_live", describe_time(r->live_ms),
		"rollback_target", r->number == rollback_target);
	must(o);
	return o;
}

json_t *describe_deploy(struct exchange *x, const char *app, uint64_t id)
{
	_cleanup_free_ char *text = engine_describe(x->api->config->engine, id);
	json_t *o = text ? json_loads(text, 0, NULL) : NULL;

	if (o && !streq(json_string_value(json_object_get(o, "app")), app)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* The deploy of the app that has not ended; null when there is none. */
static json_t *active_deploy(struct exchange *x, const char *app)
{
	struct deploy_row *rows = NULL;
	size_t count = 0;
	json_t *o = NULL;

	if (store_deploy_list(x->api->config->store, app, &rows, &count, NULL) == 0)
		for (size_t i = 0; i < count && !o; i++)
			if (rows[i].ended_ms == 0)
				o = describe_deploy(x, app, rows[i].id);
	deploy_rows_free(rows, count);
	return o ? o : json_null();
}

static int live_release(struct exchange *x, const struct app_row *app, json_t **ret)
{
	struct release_row row = {0};
	struct err err;

	*ret = json_null();
	if (app->live_release == 0)
		return 0;
	int r = store_release_get(x->api->config->store, app->name, app->live_release, &row, &err);
	if (r < 0) {
		reply_err(x, &err);
		return r;
	}
	*ret = describe_release(&row, app->live_release, 0);
	release_row_clear(&row);
	return 0;
}

static void add_host(struct exchange *x, const char *host, json_t *domains, json_t *urls)
{
	char url[URL_MAX];

	edge_url(x->api->config->edge, host, url, sizeof url);
	must(json_array_append_new(domains, json_string(host)) == 0);
	if (!has_prefix(host, "*."))
		must(json_array_append_new(urls, json_string(url)) == 0);
}

int describe_app(struct exchange *x, const struct app_row *app, json_t **ret)
{
	struct domain_row *rows = NULL;
	size_t count = 0;
	json_t *live;
	struct err err;
	int r = live_release(x, app, &live);
	if (r < 0)
		return r;
	r = store_domain_list(x->api->config->store, app->name, &rows, &count, &err);
	if (r < 0) {
		json_decref(live);
		reply_err(x, &err);
		return r;
	}
	json_t *domains = json_array(), *urls = json_array();
	_cleanup_free_ char *host = resource_default_host(x, app->name);
	/* A domain that somebody chose is the app's face; else its default name is. */
	for (size_t i = 0; i < count; i++)
		add_host(x, rows[i].domain, domains, urls);
	add_host(x, host, domains, urls);
	free(rows);
	json_t *url = json_incref(json_array_get(urls, 0));
	*ret = json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "name", app->name, "created",
		describe_time(app->created_ms), "url", url, "urls", urls, "domains", domains,
		"live", live, "deploying", active_deploy(x, app->name));
	must(*ret);
	return 0;
}
