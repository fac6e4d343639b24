/* SPDX-License-Identifier: Apache-2.0
 *
 * An app's domains: the default one, those of its manifest, those that were added here.
 */
#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/api/resource.h"
#include "agent/api/server.h"
#include "agent/deploy/engine.h"
#include "lib/data/json.h"

static json_t *describe_domain(const char *domain, bool is_default, const char *source)
{
	return json_pack(
		"{s:s,s:b,s:s}", "domain", domain, "default", is_default, "source", source);
}

void handle_domain_list(struct exchange *x)
{
	struct domain_row *rows = NULL;
	struct app_row app;
	size_t count = 0;
	struct err err;

	if (resource_find_app(x, &app) < 0)
		return;
	if (store_domain_list(x->api->config->store, app.name, &rows, &count, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	_cleanup_free_ char *host = resource_default_host(x, app.name);
	json_t *list = json_array();
	must(json_array_append_new(list, describe_domain(host, true, "default")) == 0);
	for (size_t i = 0; i < count; i++)
		must(json_array_append_new(
			     list, describe_domain(rows[i].domain, false,
					   rows[i].from_manifest ? "manifest" : "user")) == 0);
	free(rows);
	reply_json(x, 200, json_pack("{s:o}", "domains", list));
}

/* A name right below the base domain may be an app's default name. */
static int check_free(struct exchange *x, const char *domain, const char *app)
{
	const struct api_config *config = x->api->config;
	const char *dot = strchr(domain, '.');
	struct app_row other;

	if (streq(domain, config->admin_host)) {
		reply_error(x, REPLY_CONFLICT, NULL, "%s is the address of the API", domain);
		return -EEXIST;
	}
	if (!dot || !streq(dot + 1, config->base_domain))
		return 0;
	_cleanup_free_ char *label = xstrndup(domain, (size_t)(dot - domain));
	if (streq(label, app)) {
		reply_error(
			x, REPLY_CONFLICT, NULL, "%s is the app's default name already", domain);
		return -EEXIST;
	}
	if (store_app_get(config->store, label, &other, NULL) == 0) {
		reply_error(x, REPLY_CONFLICT, NULL, "%s is the default name of app '%s'", domain,
			label);
		return -EEXIST;
	}
	return 0;
}

/* Stored and published, or neither: what was refused must not be there after the next start. The
 * table is made from what the transaction has written so far. */
static int change(struct exchange *x,
	int (*write)(struct store *store, const char *app, const char *domain, struct err *err),
	const char *domain, struct err *err)
{
	const struct api_config *config = x->api->config;
	int r = store_begin(config->store, err);
	if (r < 0)
		return r;
	r = write(config->store, exchange_app(x), domain, err);
	bool is_published = r == 0 && (r = engine_publish(config->engine, err)) == 0;
	if (r == 0)
		r = store_commit(config->store, err);
	if (r < 0) {
		store_rollback(config->store);
		if (is_published)
			(void)engine_publish(config->engine, NULL);
	}
	return r;
}

static int add(struct store *store, const char *app, const char *domain, struct err *err)
{
	return store_domain_add(store, app, domain, false, err);
}

void handle_domain_add(struct exchange *x)
{
	const char *typed = NULL;
	const struct json_member members[] = {
		{"domain", JSON_TEXT, .required = true, .to = &typed}};
	char domain[IDENT_DOMAIN_MAX + 1];
	struct app_row app;
	struct err err;

	if (json_members(x->body, members, ARRAY_SIZE(members), NULL, "", &err) < 0 ||
		ident_normalise_domain(typed, true, domain, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	if (resource_find_app(x, &app) < 0 || check_free(x, domain, app.name) < 0)
		return;
	if (change(x, add, domain, &err) < 0)
		reply_err(x, &err);
	else
		resource_reply_published(x, 201, describe_domain(domain, false, "user"));
}

void handle_domain_remove(struct exchange *x)
{
	const char *domain = x->params.values[1];
	struct app_row app;
	struct err err;

	if (resource_find_app(x, &app) < 0)
		return;
	int r = change(x, store_domain_remove, domain, &err);
	if (r == -ENOENT) {
		reply_error(x, REPLY_NOT_FOUND,
			"see what there is with: berth domains; the default name cannot be removed",
			"app '%s' has no domain %s of its own", app.name, domain);
		return;
	}
	if (r < 0)
		reply_err(x, &err);
	else
		resource_reply_published(x, 200, json_object());
}
