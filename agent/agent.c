/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and ending the agent.
 */
#include "agent/agent.h"

#include <errno.h>
#include <ev.h>
#include <grp.h>
#include <stdio.h>

#include "agent/api/api.h"
#include "agent/deploy/engine.h"
#include "agent/edge/edge.h"
#include "agent/edge/issuer.h"
#include "agent/edge/proxy_process.h"
#include "agent/layout.h"
#include "agent/runtime/runtime.h"
#include "agent/shutdown.h"
#include "agent/store/store.h"
#include "lib/data/envfile.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"

#define READY_S 20.
#define PROGRAM_DIR_MAX 256

struct agent {
	struct ev_loop *loop;
	const struct agent_config *config;
	struct agent_events events;
	bool is_standalone;
	int64_t admin_group, proxy_group; /* -1: none */
	char programs[PROGRAM_DIR_MAX];
	char url[IDENT_DOMAIN_MAX + 32];
	struct layout layout;
	struct runtime_paths paths;
	struct api_config api_config;
	struct store *store;
	struct edge *edge;
	struct proxy_process *proxy;
	struct engine *engine;
	struct runtime *runtime;
	struct api *api;
	struct shutdown *shutdown;
	struct ev_timer patience; /* until the proxy must be there */
	struct barrier *first_table; /* until the proxy serves it */
	bool is_ready;
};

static int64_t group_id(const char *name)
{
	const struct group *g = getgrnam(name); /* NOLINT(concurrency-mt-unsafe): at start */
	return g ? (int64_t)g->gr_gid : -1;
}

static void on_first_table(void *data, int result)
{
	struct agent *a = data;

	(void)result; /* the engine has said it; a proxy that refuses a table serves its last one */
	a->first_table = NULL;
	a->is_ready = true;
	ev_timer_stop(a->loop, &a->patience);
	a->events.on_ready(a->events.data);
}

/* Ready is who serves what the engine has found; a proxy that has just come up knows no site. */
static void on_connected(void *data)
{
	struct agent *a = data;

	if (!a->is_ready && !a->first_table)
		a->first_table = edge_wait(a->edge, on_first_table, a);
}

static void on_impatience(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct agent *a = w->data;

	(void)loop;
	(void)events;
	a->events.on_failed(a->events.data);
}

static int make_edge(struct agent *a, struct err *err)
{
	_cleanup_free_ char *program = xasprintf("%s/berth-acme", a->programs);
	const struct acme_config acme = {.directory = a->config->acme.directory,
		.email = a->config->acme.email,
		.agree_terms = a->config->acme.agree_terms,
		.eab_kid = a->config->acme.eab_kid,
		.eab_key_file = a->config->acme.eab_key_file,
		.ca_file = a->config->acme.ca_file,
		.dir = a->layout.acme,
		.program = program};
	const struct edge_config config = {
		.routes_path = a->layout.routes,
		.control_path = a->layout.proxy_socket,
		.certs_dir = a->layout.certs,
		.ca_dir = a->layout.ca,
		.acme = acme.directory ? &acme : NULL,
		.admin_host = a->config->admin_host,
		.agent_socket = a->layout.api_socket,
		.https_port = (unsigned)a->config->https_port,
		.on_connected = on_connected,
		.data = a,
	};
	a->edge = edge_new(a->loop, &config, err);
	if (!a->edge)
		return -err->code;
	if (a->config->admin_host)
		edge_url(a->edge, a->config->admin_host, a->url, sizeof a->url);
	return 0;
}

static int make_proxy(struct agent *a, struct err *err)
{
	_cleanup_free_ char *program = xasprintf("%s/berth-proxy", a->programs);
	const struct proxy_process_config config = {
		.program = program,
		.dir = a->layout.proxy_dir,
		.control_path = a->layout.proxy_socket,
		.routes_path = a->layout.routes,
		.http_port = (unsigned)a->config->http_port,
		.https_port = (unsigned)a->config->https_port,
	};
	return a->is_standalone ? proxy_process_new(a->loop, &config, &a->proxy, err) : 0;
}

/* The variables that every build gets, where the engine finds them. */
static int write_build_env(const struct agent *a, struct err *err)
{
	_cleanup_(envfile_freep) struct envfile *env = envfile_new();
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach (a->config->build_env, name, value)
		if (r == 0)
			r = envfile_set(env, name, json_string_value(value), err);
	if (r < 0)
		return err_wrap(err, "build_env");
	_cleanup_free_ char *text = envfile_format(env);
	return file_update(a->layout.build_env, text, strlen(text), 0600, err);
}

static int make_engine(struct agent *a, struct err *err)
{
	const struct agent_config *c = a->config;
	const struct engine_config config = {
		.paths = &a->paths,
		.build_memory_max = c->build_memory,
		.build_timeout_ms = c->build_timeout_ms,
		.release_command_timeout_ms = c->release_timeout_ms,
		.drain_timeout_ms = c->drain_ms,
		.guard_ms = c->guard_ms,
		.releases_kept = (unsigned)c->releases_kept,
		.port_min = (unsigned)c->port_min,
		.port_max = (unsigned)c->port_max,
		.build_env_path = a->layout.build_env,
		.base_domain = c->domain,
		.admin_host = c->admin_host,
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): at start */
		.test_stop_at = getenv("BERTH_TEST_STOP_AT"),
	};
	int r = write_build_env(a, err);
	if (r < 0)
		return r;
	a->engine = engine_new(a->loop, &config, a->store, a->edge, err);
	return a->engine ? 0 : -err->code;
}

static int make_runtime(struct agent *a, struct err *err)
{
	const struct runtime_callbacks *callbacks = engine_runtime_callbacks(a->engine);

	a->runtime = a->is_standalone ? runtime_embedded_new(a->loop, &a->paths, callbacks, err)
				      : runtime_systemd_new(a->loop, &a->paths, callbacks, err);
	return a->runtime ? engine_start(a->engine, a->runtime, err) : -err->code;
}

static int make_api(struct agent *a, struct err *err)
{
	a->api_config = (struct api_config){
		.agent_path = a->layout.agent_socket,
		.proxy_path = a->layout.api_socket,
		.admin_group = a->admin_group,
		.proxy_group = a->proxy_group,
		.mode = a->is_standalone ? "standalone" : "systemd",
		.base_domain = a->config->domain,
		.admin_host = a->config->admin_host,
		.http_port = (unsigned)a->config->http_port,
		.https_port = (unsigned)a->config->https_port,
		.state_dir = a->layout.state,
		.ca_path = a->layout.ca_pem,
		.programs = a->programs,
		.store = a->store,
		.engine = a->engine,
		.edge = a->edge,
		.runtime = a->runtime,
	};
	a->api = api_new(a->loop, &a->api_config, err);
	return a->api ? 0 : -err->code;
}

static int make_layout(struct agent *a, const struct agent_options *options, struct err *err)
{
	const char *dir = options->standalone_dir;
	_cleanup_free_ char *run = dir ? xasprintf("%s/run", dir) : xstrdup(a->config->run_dir);

	layout_init(&a->layout, dir ? dir : a->config->state_dir, run);
	int r = layout_check_length(&a->layout, err);
	if (r == 0 && dir)
		r = file_make_dirs(dir, 0700, err);
	if (r == 0)
		r = layout_lock(&a->layout, err);
	if (r == 0)
		r = layout_make(&a->layout, a->proxy_group, err);
	a->paths = (struct runtime_paths){
		.state = a->layout.state, .run = a->layout.run, .programs = a->programs};
	return r;
}

/* In standalone mode the other programs are beside this one. */
static int find_programs(struct agent *a, struct err *err)
{
	int r = a->is_standalone
			? proc_program_dir(a->programs, sizeof a->programs)
			: str_copy(a->programs, sizeof a->programs, str_from(a->config->programs));
	return r < 0 ? err_errno(err, -r, "cannot find berth's programs") : 0;
}

/* The proxy before the engine: it comes up while the engine looks at what it finds. */
static int make_parts(struct agent *a, const struct agent_options *options, struct err *err)
{
	int (*const steps[])(struct agent *, struct err *) = {
		make_edge, make_proxy, make_engine, make_runtime, make_api};
	int r = find_programs(a, err);

	if (r == 0)
		r = make_layout(a, options, err);
	if (r == 0)
		r = store_open(a->layout.store, &a->store, err);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++)
		r = steps[i](a, err);
	return r;
}

int agent_new(struct ev_loop *loop, const struct agent_options *options,
	const struct agent_events *events, struct agent **ret, struct err *err)
{
	struct agent *a = xnew(struct agent);

	a->loop = loop;
	a->config = options->config;
	a->events = *events;
	a->is_standalone = options->standalone_dir != NULL;
	a->admin_group = a->is_standalone ? -1 : group_id(a->config->admin_group);
	a->proxy_group = a->is_standalone ? -1 : group_id(a->config->proxy_group);
	a->layout.lock = -1;
	ev_timer_init(&a->patience, on_impatience, READY_S, 0.);
	a->patience.data = a;
	int r = make_parts(a, options, err);
	if (r < 0) {
		proxy_process_undo(a->proxy);
		agent_free(a);
		return r;
	}
	ev_timer_start(loop, &a->patience);
	*ret = a;
	return 0;
}

static void on_shut_down(void *data)
{
	struct agent *a = data;
	a->events.on_stopped(a->events.data);
}

void agent_stop(struct agent *a)
{
	if (a->shutdown)
		return;
	ev_timer_stop(a->loop, &a->patience);
	/* No deploy acts any more; the next agent takes up where this one is. */
	api_free(a->api);
	a->api = NULL;
	engine_free(a->engine);
	a->engine = NULL;
	edge_free(a->edge); /* its answers would be for the engine */
	a->edge = NULL;
	/* On a host everything goes on without us; the runtime would report to an engine that is gone. */
	if (!a->is_standalone && a->runtime) {
		a->runtime->ops->free(a->runtime);
		a->runtime = NULL;
	}
	a->shutdown = shutdown_begin(a->loop, a->runtime, a->proxy, on_shut_down, a);
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	ev_timer_stop(a->loop, &a->patience);
	shutdown_free(a->shutdown);
	api_free(a->api);
	engine_free(a->engine);
	if (a->runtime)
		a->runtime->ops->free(a->runtime);
	proxy_process_free(a->proxy);
	edge_free(a->edge);
	store_close(a->store);
	layout_release(&a->layout);
	free(a);
}

const char *agent_url(const struct agent *a)
{
	return a->url[0] ? a->url : NULL;
}
