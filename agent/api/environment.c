/* SPDX-License-Identifier: Apache-2.0
 *
 * An app's environment: what its next release is given. Values are secrets: no error and no log
 * line shows one.
 */
#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/api/resource.h"
#include "agent/api/server.h"
#include "agent/deploy/engine.h"
#include "lib/base/buf.h"
#include "lib/data/envfile.h"
#include "lib/data/json.h"

#define DESCRIPTION_MAX 200

void handle_env_get(struct exchange *x)
{
	struct app_row app;
	struct env_list list = {0};
	struct err err;

	if (resource_find_app(x, &app) < 0)
		return;
	if (store_env_get(x->api->config->store, app.name, &list, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	json_t *env = json_object();
	for (size_t i = 0; i < list.count; i++)
		must(json_object_set_new(env, list.pairs[i].name,
			     json_string_nocheck(list.pairs[i].value)) == 0);
	env_list_clear(&list);
	reply_json(x, 200, json_pack("{s:o}", "env", env));
}

static int check_set(json_t *set, struct err *err)
{
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach (set, name, value) {
		if (r == 0)
			r = ident_check_app_env(name, err);
		if (r == 0 && !json_is_string(value))
			r = err_set(err, EINVAL, "set.%s must be a string", name);
		if (r == 0 && json_string_length(value) > ENVFILE_VALUE_MAX)
			r = err_set(err, EINVAL, "the value of %s has more than %u bytes", name,
				ENVFILE_VALUE_MAX);
	}
	return r;
}

static int check_unset(const json_t *unset, const json_t *set, struct err *err)
{
	const json_t *name;
	size_t i;

	json_array_foreach (unset, i, name) {
		const char *text = json_string_value(name);
		if (!text)
			return err_set(err, EINVAL, "unset[%zu] must be a string", i);
		if (json_object_get(set, text))
			return err_set(err, EINVAL, "%s is in 'set' and in 'unset'", text);
		int r = ident_check_env(text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What an app has in all must fit into a release's env file and into a process. */
static int check_total(struct store *store, const char *app, struct err *err)
{
	struct env_list list = {0};
	size_t bytes = 0;
	int r = store_env_get(store, app, &list, err);

	for (size_t i = 0; r == 0 && i < list.count; i++)
		bytes += strlen(list.pairs[i].name) + strlen(list.pairs[i].value) + 2;
	if (r == 0 && (list.count > ENVFILE_COUNT_MAX || bytes > ENVFILE_BYTES_MAX / 2))
		r = err_set(err, EFBIG,
			"the environment has %zu variables and %zu bytes; at most %u and %u",
			list.count, bytes, ENVFILE_COUNT_MAX, ENVFILE_BYTES_MAX / 2);
	env_list_clear(&list);
	return r;
}

static int apply(struct store *store, const char *app, json_t *set, json_t *unset, struct err *err)
{
	const char *name;
	json_t *value;
	size_t i;
	int r = store_begin(store, err);
	if (r < 0)
		return r;
	json_object_foreach (set, name, value)
		if (r == 0)
			r = store_env_set(store, app, name, json_string_value(value), err);
	json_array_foreach (unset, i, value)
		if (r == 0)
			r = store_env_set(store, app, json_string_value(value), NULL, err);
	if (r == 0)
		r = check_total(store, app, err);
	if (r == 0)
		r = store_commit(store, err);
	if (r < 0)
		store_rollback(store);
	return r;
}

/* "env: set DEBUG, KEY; unset OLD"; the names only. */
static void write_description(struct buf *to, json_t *set, json_t *unset)
{
	const char *name, *word = "set";
	json_t *value;
	size_t i;
	int r = buf_puts(to, "env:");

	json_object_foreach (set, name, value) {
		r |= buf_printf(to, " %s %s", word, name);
		word = "and";
	}
	word = "unset";
	json_array_foreach (unset, i, value) {
		r |= buf_printf(to, " %s %s", word, json_string_value(value));
		word = "and";
	}
	(void)r; /* a description that is too long is cut */
}

static void deploy(struct exchange *x, const char *app, json_t *set, json_t *unset)
{
	_cleanup_buf_ struct buf text = BUF_INIT(DESCRIPTION_MAX);
	struct err err;
	uint64_t id;

	write_description(&text, set, unset);
	const struct deploy_request request = {
		.app = app, .kind = DEPLOY_ENV, .description = buf_cstr(&text)};
	if (engine_deploy(x->api->config->engine, &request, &id, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	json_t *o = describe_deploy(x, app, id);
	reply_json(x, 202, o ? o : json_object());
}

void handle_env_change(struct exchange *x)
{
	json_t *set = NULL, *unset = NULL;
	bool is_deploy_wanted = true;
	const struct json_member members[] = {
		{"set", JSON_MAP, .to = &set},
		{"unset", JSON_LIST, .max = ENVFILE_COUNT_MAX, .to = &unset},
		{"deploy", JSON_FLAG, .to = &is_deploy_wanted},
	};
	struct app_row app;
	struct err err;

	if (json_members(x->body, members, ARRAY_SIZE(members), NULL, "", &err) < 0 ||
		check_set(set, &err) < 0 || check_unset(unset, set, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	if (resource_find_app(x, &app) < 0)
		return;
	if (apply(x->api->config->store, app.name, set, unset, &err) < 0)
		reply_err(x, &err);
	else if (!is_deploy_wanted || app.live_release == 0)
		reply_json(x, 200, json_object());
	else
		deploy(x, app.name, set, unset);
}
