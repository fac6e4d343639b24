/* SPDX-License-Identifier: Apache-2.0
 *
 * git's smart HTTP protocol: each request is served by a berth-git of its own, which reads packs so
 * that the agent does not have to. Here is what the agent adds: the app is made, and a branch that
 * was pushed is deployed, its events told to the child, which shows them to who pushes.
 */
#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/subprocess/subprocess.h"
#include "agent/api/resource.h"
#include "agent/api/server.h"
#include "agent/deploy/engine.h"
#include "lib/base/log.h"
#include "lib/data/json.h"

#define CHILDREN_MAX 4
#define ADVERTISE_S 60
#define RECEIVE_S (30 * 60) /* until the pack is in; the deploy has limits of its own */
#define UNSENT_HIGH (256u << 10)
#define BUSY_HINT "try again in a minute"

struct push {
	struct list link;
	struct api *api;
	struct exchange *x; /* NULL: the client has gone */
	struct subprocess *child;
	char app[IDENT_APP_MAX + 1];
	const char *type; /* of the answer */
	bool is_pushed; /* the objects are in: from here on it goes to its end */
	struct deploy_subscription *subscription;
};

static void push_free(struct push *p)
{
	engine_unsubscribe(p->subscription);
	subprocess_free(p->child);
	p->api->push_count--;
	list_remove(&p->link);
	free(p);
}

void api_end_pushes(struct api *api)
{
	list_for_each_safe (it, &api->pushes)
		push_free(container_of(it, struct push, link));
}

static void on_output(void *data, const char *bytes, size_t n)
{
	struct push *p = data;

	if (!p->x)
		return;
	if (!p->x->is_started)
		reply_begin(p->x, p->type);
	reply_write(p->x, bytes, n);
	if (reply_unsent(p->x) > UNSENT_HIGH)
		subprocess_pause_output(p->child, true);
}

static void on_drained(void *data)
{
	struct push *p = data;
	if (p->x)
		exchange_pause(p->x, false);
}

/* What a child that ended badly means for the client. */
static void answer_failure(struct exchange *x, int status, const char *words)
{
	const char *why = words[0] ? words : "berth-git was killed";

	if (x->is_started)
		reply_abort(x);
	else if (status == 2)
		reply_error(x, REPLY_BAD_REQUEST, NULL, "%s", why);
	else
		reply_error(x, REPLY_INTERNAL, NULL, "%s", why);
}

static void on_end(void *data, int status, const char *words)
{
	struct push *p = data;
	struct exchange *x = p->x;

	if (status != 0)
		log_warn("git.failed", "app=%s status=%d words=\"%s\"", p->app, status, words);
	if (x) {
		x->on_gone = NULL;
		x->on_sent = NULL;
		x->on_body = NULL;
		/* A berth-git that read no more than it needed has left the client in the middle. */
		exchange_pause(x, false);
		/* Nothing to say is an answer, too: git sends an empty push first, to see whether it
		 * may send a large one. */
		if (status == 0 && !x->is_started)
			reply_begin(x, p->type);
		if (status == 0)
			reply_end(x);
		else
			answer_failure(x, status, words);
	}
	push_free(p);
}

static void on_event(void *data, const char *line, bool is_last)
{
	struct push *p = data;

	if (is_last)
		p->subscription = NULL;
	subprocess_tell(p->child, line);
	if (p->subscription && subprocess_untold(p->child) > UNSENT_HIGH)
		engine_pause(p->subscription, true);
}

static void on_told(void *data)
{
	struct push *p = data;
	if (p->subscription)
		engine_pause(p->subscription, false);
}

static bool is_deployed(const char *ref, bool is_only_branch)
{
	return streq(ref, "refs/heads/main") || streq(ref, "refs/heads/master") ||
	       (is_only_branch && has_prefix(ref, "refs/heads/"));
}

static void tell_end(struct push *p, const char *state, int exit_code, const char *reason)
{
	json_t *end = json_pack("{s:s,s:s,s:i,s:s*}", "type", "end", "state", state, "exit",
		exit_code, "reason", reason);
	_cleanup_free_ char *line = end ? json_line(end) : NULL;

	json_decref(end);
	subprocess_tell(
		p->child, line ? line : "{\"type\":\"end\",\"state\":\"failed\",\"exit\":3}");
}

static void deploy(struct push *p, const char *ref, const char *commit)
{
	struct engine *engine = p->api->config->engine;
	json_t *source =
		json_pack("{s:s,s:s}", "commit", commit, "branch", ref + strlen("refs/heads/"));
	_cleanup_free_ char *source_text = source ? json_line(source) : NULL;
	const struct deploy_request request = {
		.app = p->app,
		.kind = DEPLOY_COMMIT,
		.commit = commit,
		.source = source_text,
		.description = "git push",
	};
	struct deploy_subscription *subscription = NULL;
	struct err err;
	uint64_t id;

	json_decref(source);
	int r = engine_deploy(engine, &request, &id, &err);
	if (r == 0)
		r = engine_subscribe(engine, id, on_event, p, &subscription, &err);
	if (r < 0)
		tell_end(p, "failed", r == -EBUSY ? 7 : 3, err.msg);
	else
		p->subscription = subscription;
}

static void on_pushed(struct push *p, const json_t *o)
{
	const char *ref = json_string_value(json_object_get(o, "ref"));
	const char *commit = json_string_value(json_object_get(o, "commit"));

	p->is_pushed = true;
	subprocess_set_timeout(p->child, 0);
	if (!ref || !commit || !ident_is_commit(commit)) {
		tell_end(p, "failed", 3, "berth-git named no commit");
	} else if (is_deployed(ref, json_is_true(json_object_get(o, "only_branch")))) {
		deploy(p, ref, commit);
	} else {
		subprocess_tell(p->child,
			"{\"type\":\"notice\",\"text\":\"stored; what is pushed to main or master is "
			"deployed\"}");
		tell_end(p, "stored", 0, NULL);
	}
}

static void on_line(void *data, const char *line)
{
	struct push *p = data;
	struct err err;
	json_t *o;

	if (json_parse_object("berth-git's line", line, strlen(line), &o, &err) < 0) {
		log_error("git.line", "app=%s error=\"%s\"", p->app, err.msg);
		subprocess_kill(p->child);
		return;
	}
	if (!p->is_pushed && streq(json_string_value(json_object_get(o, "type")), "pushed"))
		on_pushed(p, o);
	json_decref(o);
}

static void on_client_sent(struct exchange *x)
{
	struct push *p = x->stream;
	subprocess_pause_output(p->child, false);
}

/* A push whose objects are in goes on without its client: its deploy is under way. */
static void on_client_gone(struct exchange *x)
{
	struct push *p = x->stream;

	p->x = NULL;
	subprocess_pause_output(p->child, false);
	if (!p->is_pushed)
		subprocess_kill(p->child);
}

static void on_client_body(struct exchange *x, const char *data, size_t len)
{
	struct push *p = x->stream;

	if (len == 0) {
		subprocess_end_input(p->child);
		return;
	}
	subprocess_write(p->child, data, len);
	if (subprocess_unsent(p->child) > UNSENT_HIGH)
		exchange_pause(x, true);
}

static void start(struct exchange *x, const char *verb, const char *type, unsigned timeout_s)
{
	static const struct subprocess_events events = {
		.on_output = on_output,
		.on_line = on_line,
		.on_drained = on_drained,
		.on_told = on_told,
		.on_end = on_end,
	};
	const struct api_config *config = x->api->config;
	_cleanup_free_ char *program = xasprintf("%s/berth-git", config->programs);
	_cleanup_free_ char *repo = xasprintf("%s/git/%s.git", config->state_dir, exchange_app(x));
	const char *argv[] = {
		program, verb, "--repo", repo, "--app", exchange_app(x), NULL, NULL, NULL, NULL};
	struct err err;
	size_t n = 6;

	if (x->endpoint->body == BODY_STREAM) {
		argv[n++] = "--control-fd";
		argv[n++] = "3";
		if (x->is_gzip)
			argv[n++] = "--gzip";
	}
	struct push *p = xnew(struct push);
	p->api = x->api;
	p->x = x;
	p->type = type;
	must(str_copy(p->app, sizeof p->app, str_from(exchange_app(x))) == 0);
	if (subprocess_new(x->api->loop, argv, &events, p, &p->child, &err) < 0) {
		free(p);
		reply_err(x, &err);
		return;
	}
	list_append(&x->api->pushes, &p->link);
	x->api->push_count++;
	subprocess_set_timeout(p->child, timeout_s);
	x->stream = p;
	x->on_gone = on_client_gone;
	x->on_sent = on_client_sent;
	x->on_body = on_client_body;
	if (x->endpoint->body != BODY_STREAM)
		subprocess_end_input(p->child);
}

static bool is_busy(struct exchange *x)
{
	if (x->api->push_count < CHILDREN_MAX)
		return false;
	reply_error(x, REPLY_BUSY, BUSY_HINT, "%u pushes are under way, more are not taken",
		x->api->push_count);
	return true;
}

void handle_git_advertise(struct exchange *x)
{
	const char *service = target_query_get(&x->query, "service");

	if (streq(service, "git-upload-pack"))
		reply_error(x, REPLY_FORBIDDEN, "clone from where the source is kept",
			"berth takes pushes; it gives no clones");
	else if (!streq(service, "git-receive-pack"))
		reply_error(x, REPLY_BAD_REQUEST, NULL,
			"'service' must be git-receive-pack: the dumb protocol is not spoken");
	else if (!is_busy(x))
		start(x, "advertise", "application/x-git-receive-pack-advertisement", ADVERTISE_S);
}

void handle_git_receive(struct exchange *x)
{
	if (!is_busy(x) && resource_add_app(x, exchange_app(x), false) == 0)
		start(x, "receive", "application/x-git-receive-pack-result", RECEIVE_S);
}
