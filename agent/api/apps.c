/* SPDX-License-Identifier: Apache-2.0
 *
 * Apps and their releases.
 */
#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/api/resource.h"
#include "agent/api/server.h"
#include "agent/deploy/engine.h"
#include "lib/data/json.h"

#define RELEASES_MAX 1000
#define RELEASES_DEFAULT 50

void handle_app_list(struct exchange *x)
{
	struct app_row *rows = NULL;
	size_t count = 0;
	struct err err;
	json_t *apps = json_array();
	int r = store_app_list(x->api->config->store, &rows, &count, &err);
	if (r < 0)
		reply_err(x, &err);
	for (size_t i = 0; i < count && r == 0; i++) {
		json_t *app;
		if (!identity_may(&x->identity, rows[i].name))
			continue;
		r = describe_app(x, &rows[i], &app);
		if (r == 0)
			must(json_array_append_new(apps, app) == 0);
	}
	free(rows);
	if (r == 0)
		reply_json(x, 200, json_pack("{s:O}", "apps", apps));
	json_decref(apps);
}

static void reply_app(struct exchange *x, unsigned status, const char *name)
{
	struct app_row row;
	struct err err;
	json_t *app;

	if (store_app_get(x->api->config->store, name, &row, &err) < 0)
		reply_err(x, &err);
	else if (describe_app(x, &row, &app) == 0)
		reply_json(x, status, app);
}

void handle_app_add(struct exchange *x)
{
	const char *name = NULL;
	const struct json_member members[] = {
		{"name", JSON_TEXT, .required = true, .max = IDENT_APP_MAX, .to = &name}};
	struct err err;

	if (json_members(x->body, members, ARRAY_SIZE(members), NULL, "", &err) < 0 ||
		ident_check_app(name, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	if (!identity_may(&x->identity, name)) {
		reply_error(x, REPLY_FORBIDDEN, "ask for a token with a wider scope",
			"this token is for '%s' only", x->identity.scope);
		return;
	}
	if (resource_add_app(x, name, true) == 0)
		reply_app(x, 201, name);
}

void handle_app_get(struct exchange *x)
{
	struct app_row row;

	if (resource_find_app(x, &row) == 0)
		reply_app(x, 200, row.name);
}

void handle_app_remove(struct exchange *x)
{
	struct app_row row;
	struct err err;

	if (resource_find_app(x, &row) < 0)
		return;
	if (engine_remove_app(x->api->config->engine, row.name, &err) < 0)
		reply_err(x, &err);
	else
		resource_reply_published(x, 200, json_object());
}

/* 0 when there is none. */
static unsigned rollback_target(struct store *store, const char *app)
{
	struct release_row row = {0};
	unsigned number = store_release_previous(store, app, &row, NULL) == 0 ? row.number : 0;

	release_row_clear(&row);
	return number;
}

void handle_release_list(struct exchange *x)
{
	struct store *store = x->api->config->store;
	struct app_row app;
	struct release_row *rows = NULL;
	size_t count = 0;
	unsigned limit;
	struct err err;

	if (resource_find_app(x, &app) < 0)
		return;
	if (target_query_unsigned(
		    &x->query, "limit", RELEASES_MAX, RELEASES_DEFAULT, &limit, &err) < 0 ||
		store_release_list(store, app.name, limit, &rows, &count, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	unsigned target = rollback_target(store, app.name);
	json_t *releases = json_array();
	for (size_t i = 0; i < count; i++) {
		must(json_array_append_new(
			     releases, describe_release(&rows[i], app.live_release, target)) == 0);
		release_row_clear(&rows[i]);
	}
	free(rows);
	reply_json(x, 200, json_pack("{s:o}", "releases", releases));
}
