/* SPDX-License-Identifier: Apache-2.0
 *
 * Deploys: asking for one, watching it, cancelling it. The engine does the work.
 */
#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/api/resource.h"
#include "agent/api/server.h"
#include "agent/deploy/engine.h"
#include "lib/base/parse.h"
#include "lib/data/json.h"

#define TEXT_MAX 1024 /* of each member of a source */
#define UNSENT_HIGH (256u << 10) /* events wait until the client has taken what it got */

/* Where a commit came from, as the client tells it: for people, never for a decision. */
static int check_source(const json_t *source, struct err *err)
{
	const struct json_member members[] = {
		{.key = "commit", .want = JSON_TEXT, .max = TEXT_MAX},
		{.key = "branch", .want = JSON_TEXT, .max = TEXT_MAX},
		{.key = "message", .want = JSON_TEXT, .max = TEXT_MAX},
		{.key = "author", .want = JSON_TEXT, .max = TEXT_MAX},
		{.key = "dirty", .want = JSON_FLAG},
	};
	return source ? json_members(source, members, ARRAY_SIZE(members), NULL, "source", err) : 0;
}

static void start(struct exchange *x, const struct deploy_request *request)
{
	struct err err;
	uint64_t id;

	if (engine_deploy(x->api->config->engine, request, &id, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	json_t *deploy = describe_deploy(x, request->app, id);
	if (deploy)
		reply_json(x, 202, deploy);
	else
		reply_error(x, REPLY_INTERNAL, NULL, "deploy %llu is not known to the engine",
			(unsigned long long)id);
}

void handle_deploy_add(struct exchange *x)
{
	const char *commit = NULL;
	json_t *source = NULL;
	bool plan_only = false;
	const struct json_member members[] = {
		{"commit", JSON_TEXT, .required = true, .to = &commit},
		{"source", JSON_MAP, .to = &source},
		{"plan_only", JSON_FLAG, .to = &plan_only},
	};
	struct app_row app;
	struct err err;

	if (json_members(x->body, members, ARRAY_SIZE(members), NULL, "", &err) < 0 ||
		check_source(source, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	if (!ident_is_commit(commit)) {
		reply_error(x, REPLY_BAD_REQUEST, NULL,
			"'commit' must be 40 hexadecimal digits of a commit that was pushed");
		return;
	}
	if (resource_find_app(x, &app) < 0)
		return;
	_cleanup_free_ char *source_text = source ? json_line(source) : NULL;
	const struct deploy_request request = {
		.app = app.name,
		.kind = plan_only ? DEPLOY_PLAN : DEPLOY_COMMIT,
		.commit = commit,
		.source = source_text,
		.description = plan_only ? "plan" : "deploy",
	};
	start(x, &request);
}

void handle_rollback(struct exchange *x)
{
	uint64_t release = 0;
	const struct json_member members[] = {
		{"release", JSON_UNSIGNED, .min = 1, .max = INT32_MAX, .to = &release}};
	struct app_row app;
	struct err err;

	if (json_members(x->body, members, ARRAY_SIZE(members), NULL, "", &err) < 0) {
		reply_err(x, &err);
		return;
	}
	if (resource_find_app(x, &app) < 0)
		return;
	const struct deploy_request request = {
		.app = app.name, .kind = DEPLOY_ROLLBACK, .release = (unsigned)release};
	start(x, &request);
}

/* {id} of the path, of a deploy of this app; NULL after a 404. */
static json_t *find_deploy(struct exchange *x, uint64_t *ret_id)
{
	must(parse_u64(str_from(x->params.values[1]), 1, INT64_MAX, ret_id) == 0);
	json_t *deploy = describe_deploy(x, exchange_app(x), *ret_id);
	if (!deploy)
		reply_error(x, REPLY_NOT_FOUND, NULL, "app '%s' has no deploy %llu",
			exchange_app(x), (unsigned long long)*ret_id);
	return deploy;
}

void handle_deploy_get(struct exchange *x)
{
	uint64_t id;
	json_t *deploy = find_deploy(x, &id);
	if (deploy)
		reply_json(x, 200, deploy);
}

void handle_deploy_cancel(struct exchange *x)
{
	uint64_t id;
	struct err err;
	json_t *deploy = find_deploy(x, &id);

	if (!deploy)
		return;
	json_decref(deploy);
	if (engine_cancel(x->api->config->engine, id, &err) < 0) {
		reply_err(x, &err);
		return;
	}
	deploy = describe_deploy(x, exchange_app(x), id);
	reply_json(x, 200, deploy ? deploy : json_object());
}

static void on_event(void *data, const char *line, bool is_last)
{
	struct exchange *x = data;

	reply_line(x, line);
	if (is_last) {
		x->stream = NULL; /* the subscription is over */
		reply_end(x);
	} else if (reply_unsent(x) > UNSENT_HIGH) {
		engine_pause(x->stream, true);
	}
}

static void on_watcher_sent(struct exchange *x)
{
	if (x->stream)
		engine_pause(x->stream, false);
}

static void on_watcher_gone(struct exchange *x)
{
	engine_unsubscribe(x->stream);
}

void handle_deploy_events(struct exchange *x)
{
	struct deploy_subscription *subscription = NULL;
	uint64_t id;
	struct err err;
	json_t *deploy = find_deploy(x, &id);

	if (!deploy)
		return;
	json_decref(deploy);
	reply_begin(x, "application/x-ndjson");
	x->on_gone = on_watcher_gone;
	x->on_sent = on_watcher_sent;
	if (engine_subscribe(x->api->config->engine, id, on_event, x, &subscription, &err) < 0)
		reply_abort(x);
	else
		x->stream = subscription; /* its events come later, from the loop */
}
