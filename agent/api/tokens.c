/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: made, listed, removed. The token itself is in one answer and nowhere else.
 */
#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/api/resource.h"
#include "agent/api/server.h"
#include "agent/api/token.h"
#include "lib/base/clock.h"
#include "lib/data/json.h"

#define NAME_MAX_BYTES 64
#define EXPIRES_MAX_S (10LL * 366 * 24 * 3600)

static json_t *describe_token(const struct token_row *t)
{
	return json_pack("{s:s,s:s*,s:s,s:o,s:o,s:o}", "id", t->id, "name", t->name, "scope",
		t->scope, "created", describe_time(t->created_ms), "expires",
		describe_time(t->expires_ms), "used", describe_time(t->used_ms));
}

void handle_token_list(struct exchange *x)
{
	struct token_row *rows = NULL;
	size_t count = 0;
	struct err err;

	if (store_token_list(x->api->config->store, &rows, &count, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		must(json_array_append_new(list, describe_token(&rows[i])) == 0);
		token_row_clear(&rows[i]);
	}
	free(rows);
	reply_json(x, 200, json_pack("{s:o}", "tokens", list));
}

/* The scope of a token: everything, or one app that exists. */
static int check_scope(struct exchange *x, const char *scope)
{
	struct app_row app;
	struct err err;

	if (streq(scope, "*"))
		return 0;
	int r = ident_check_app(scope, &err);
	if (r == 0)
		r = store_app_get(x->api->config->store, scope, &app, &err);
	if (r == -ENOENT)
		reply_error(x, REPLY_NOT_FOUND, "use the name of an app, or \"*\" for all",
			"no app is named '%s'", scope);
	else if (r < 0)
		reply_err(x, &err);
	return r;
}

static void make_token(struct exchange *x, struct token_row *row)
{
	char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];
	struct err err;
	int r = token_make(token, row->id, &err);
	if (r == 0) {
		token_hash(str_from(token), hash);
		r = store_token_add(x->api->config->store, row, hash, &err);
	}
	if (r < 0) {
		reply_err(x, &err);
		return;
	}
	json_t *o = describe_token(row);
	must(json_object_set_new(o, "token", json_string(token)) == 0);
	reply_json(x, 201, o);
}

void handle_token_add(struct exchange *x)
{
	const char *name = NULL, *scope = "*";
	uint64_t expires_s = 0;
	const struct json_member members[] = {
		{"name", JSON_TEXT, .required = true, .min = 1, .max = NAME_MAX_BYTES, .to = &name},
		{"scope", JSON_TEXT, .to = &scope},
		{"expires_seconds", JSON_UNSIGNED, .min = 1, .max = EXPIRES_MAX_S,
			.to = &expires_s},
	};
	struct token_row row = {.created_ms = clock_wall_ms()};
	struct err err;

	if (json_members(x->body, members, ARRAY_SIZE(members), NULL, "", &err) < 0) {
		reply_err(x, &err);
		return;
	}
	if (check_scope(x, scope) < 0)
		return;
	row.name = xstrdup(name);
	must(str_copy(row.scope, sizeof row.scope, str_from(scope)) == 0);
	if (expires_s > 0)
		row.expires_ms = row.created_ms + (int64_t)expires_s * 1000;
	make_token(x, &row);
	token_row_clear(&row);
}

void handle_token_remove(struct exchange *x)
{
	const char *id = x->params.values[0];
	struct err err;
	int r = store_token_remove(x->api->config->store, id, &err);

	if (r == -ENOENT) {
		reply_error(x, REPLY_NOT_FOUND, NULL, "no token has the id %s", id);
	} else if (r < 0) {
		reply_err(x, &err);
	} else {
		access_forget(x->api->access, id);
		reply_json(x, 200, json_object());
	}
}
