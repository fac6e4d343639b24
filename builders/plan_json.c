/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans as JSON. The reader trusts nothing: the text comes out of a build sandbox.
 */
#include "builders/plan.h"

#include <errno.h>

#include "lib/base/ident.h"
#include "lib/data/json.h"
#include "lib/data/manifest.h"

#define MEMORY_MAX (1ULL << 44)
#define TIMEOUT_MAX_MS (86400u * 1000)

/* jansson's pack would fail for NULL; an absent text is left out. */
static void put_text(json_t *to, const char *key, const char *text)
{
	if (text)
		must(json_object_set_new(to, key, json_string(text)) == 0);
}

static void put_number(json_t *to, const char *key, uint64_t n)
{
	must(json_object_set_new(to, key, json_integer((json_int_t)n)) == 0);
}

static void put_texts(json_t *to, const char *key, char **texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		must(json_array_append_new(list, json_string(texts[i])) == 0);
	must(json_object_set_new(to, key, list) == 0);
}

static void put_pairs(json_t *to, const char *key, const struct plan_pair *pairs, size_t n)
{
	json_t *map = json_object();

	for (size_t i = 0; i < n; i++)
		put_text(map, pairs[i].name, pairs[i].value);
	must(json_object_set_new(to, key, map) == 0);
}

static json_t *format_process(const struct plan_process *p)
{
	json_t *o = json_object();

	put_text(o, "name", p->name);
	put_text(o, "command", p->command);
	json_object_set_new(o, "listens", json_boolean(p->listens));
	json_object_set_new(o, "unix_socket", json_boolean(p->unix_socket));
	put_number(o, "instances", p->instances);
	put_number(o, "memory_max", p->memory_max);
	put_number(o, "stop_timeout_ms", p->stop_timeout_ms);
	json_t *health = json_object();
	put_text(health, "path", p->health.path);
	put_number(health, "status", p->health.status);
	put_number(health, "timeout_ms", p->health.timeout_ms);
	json_object_set_new(o, "health", health);
	return o;
}

static void put_lists(json_t *root, const struct plan *p)
{
	json_t *steps = json_array(), *processes = json_array(), *statics = json_array();

	for (size_t i = 0; i < p->step_count; i++) {
		json_t *o = json_object();
		put_text(o, "name", p->steps[i].name);
		put_text(o, "command", p->steps[i].command);
		put_text(o, "result", p->steps[i].result);
		put_text(o, "key", p->steps[i].key);
		json_array_append_new(steps, o);
	}
	for (size_t i = 0; i < p->process_count; i++)
		json_array_append_new(processes, format_process(&p->processes[i]));
	for (size_t i = 0; i < p->static_count; i++) {
		json_t *o = json_object();
		put_text(o, "prefix", p->statics[i].prefix);
		put_text(o, "dir", p->statics[i].dir);
		put_text(o, "fallback", p->statics[i].fallback);
		json_array_append_new(statics, o);
	}
	json_object_set_new(root, "steps", steps);
	json_object_set_new(root, "processes", processes);
	json_object_set_new(root, "statics", statics);
}

char *plan_format(const struct plan *p)
{
	json_auto_t *root = json_object();

	put_text(root, "app", p->app);
	put_text(root, "stack", p->stack);
	put_text(root, "framework", p->framework);
	put_texts(root, "reasons", p->reasons, p->reason_count);
	put_lists(root, p);
	put_text(root, "release_command", p->release_command);
	put_texts(root, "caches", p->caches, p->cache_count);
	put_pairs(root, "build_env", p->build_env, p->build_env_count);
	put_pairs(root, "env", p->env, p->env_count);
	put_texts(root, "domains", p->domains, p->domain_count);
	put_texts(root, "volumes", p->volumes, p->volume_count);
	put_number(root, "build_memory_max", p->build_memory_max);
	_cleanup_free_ char *text = json_dumps(root, JSON_INDENT(2));
	must(text);
	return xasprintf("%s\n", text);
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

typedef int (*check_name)(const char *name, struct err *err);

static int check_domain(const char *name, struct err *err)
{
	return ident_check_domain(name, true, err);
}

static int check_any(const char *name, struct err *err)
{
	(void)name;
	(void)err;
	return 0;
}

/* Texts of a list, each checked, handed to `add`. */
static int read_texts(const json_t *list, const char *path, check_name check,
	void (*add)(struct plan *p, const char *text), struct plan *p, struct err *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		if (!text || strlen(text) > PLAN_TEXT_MAX)
			return err_set(err, EINVAL, "%s[%zu] must be text", path, i);
		int r = check(text, err);
		if (r < 0)
			return err_wrap(err, "%s[%zu]", path, i);
		add(p, text);
	}
	return 0;
}

static void add_reason(struct plan *p, const char *text)
{
	plan_add_reason(p, "%s", text);
}

static int read_pairs(json_t *map, const char *path,
	void (*set)(struct plan *p, const char *name, const char *value), struct plan *p,
	struct err *err)
{
	const char *name;
	json_t *value;

	if (json_object_size(map) > PLAN_ENV_MAX)
		return err_set(err, EINVAL, "%s has more than %d variables", path, PLAN_ENV_MAX);
	json_object_foreach (map, name, value) {
		if (ident_check_env(name, err) < 0)
			return err_wrap(err, "%s", path);
		if (!json_is_string(value) || json_string_length(value) > PLAN_TEXT_MAX)
			return err_set(err, EINVAL, "%s.%s must be text", path, name);
		set(p, name, json_string_value(value));
	}
	return 0;
}

static int read_step(struct plan *p, const json_t *value, const char *path, struct err *err)
{
	const char *name = NULL, *command = NULL, *result = NULL, *key = NULL;
	const struct json_member members[] = {
		{"name", JSON_TEXT, .required = true, .min = 1, .max = 128, .to = &name},
		{"result", JSON_TEXT, .min = 1, .max = 256, .to = &result},
		{"key", JSON_TEXT, .min = 1, .max = 256, .to = &key},
		{"command", JSON_TEXT, .required = true, .min = 1, .max = PLAN_TEXT_MAX,
			.to = &command},
	};
	int r = json_members(value, members, ARRAY_SIZE(members), NULL, path, err);
	if (r < 0)
		return r;
	if ((result != NULL) != (key != NULL) || (result && !manifest_is_inner_path(result)))
		return err_set(err, EINVAL, "%s.result must be an inner folder with a key", path);
	plan_add_step(p, name, command);
	if (result)
		plan_keep_result(p, result, key);
	return 0;
}

static int read_health(struct plan_health *h, json_t *value, const char *at, struct err *err)
{
	_cleanup_free_ char *path = json_path(at, "health");
	const char *url = NULL;
	uint64_t status = 0;
	const struct json_member members[] = {
		{"path", JSON_TEXT, .min = 1, .max = 1024, .to = &url},
		{"status", JSON_UNSIGNED, .max = 599, .to = &status},
		{"timeout_ms", JSON_UNSIGNED, .min = 1, .max = TIMEOUT_MAX_MS,
			.to = &h->timeout_ms},
	};

	if (!value)
		return 0;
	int r = json_members(value, members, ARRAY_SIZE(members), NULL, path, err);
	if (r < 0)
		return r;
	for (const char *c = url; c && *c; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return err_set(err, EINVAL, "%s.path is not a URL path", path);
	if (url && url[0] != '/')
		return err_set(err, EINVAL, "%s.path must begin with '/'", path);
	h->path = dup_or_null(url);
	h->status = (unsigned)status;
	return 0;
}

static int read_process(struct plan *p, const json_t *value, const char *path, struct err *err)
{
	const char *name = NULL, *command = NULL;
	bool listens = false, unix_socket = false;
	uint64_t instances = 1, memory_max = 0, stop_timeout_ms = PLAN_STOP_TIMEOUT_MS;
	json_t *health = NULL;
	const struct json_member members[] = {
		{"name", JSON_TEXT, .required = true, .to = &name},
		{"command", JSON_TEXT, .required = true, .min = 1, .max = PLAN_TEXT_MAX,
			.to = &command},
		{"listens", JSON_FLAG, .to = &listens},
		{"unix_socket", JSON_FLAG, .to = &unix_socket},
		{"instances", JSON_UNSIGNED, .min = 1, .max = 64, .to = &instances},
		{"memory_max", JSON_UNSIGNED, .max = MEMORY_MAX, .to = &memory_max},
		{"stop_timeout_ms", JSON_UNSIGNED, .min = 1, .max = TIMEOUT_MAX_MS,
			.to = &stop_timeout_ms},
		{"health", JSON_MAP, .to = &health},
	};
	int r = json_members(value, members, ARRAY_SIZE(members), NULL, path, err);

	if (r == 0)
		r = ident_check_process(name, err);
	if (r < 0)
		return r;
	if (plan_process(p, name))
		return err_set(err, EINVAL, "%s: a second process %s", path, name);
	struct plan_process *process = plan_add_process(p, name);
	process->command = xstrdup(command);
	process->listens = listens;
	process->unix_socket = listens && unix_socket;
	process->instances = (unsigned)instances;
	process->memory_max = memory_max;
	process->stop_timeout_ms = stop_timeout_ms;
	return read_health(&process->health, health, path, err);
}

static int read_static(struct plan *p, const json_t *value, const char *path, struct err *err)
{
	const char *prefix = NULL, *dir = NULL, *fallback = NULL;
	const struct json_member members[] = {
		{"prefix", JSON_TEXT, .required = true, .min = 1, .max = 1024, .to = &prefix},
		{"dir", JSON_TEXT, .required = true, .min = 1, .to = &dir},
		{"fallback", JSON_TEXT, .min = 1, .to = &fallback},
	};
	int r = json_members(value, members, ARRAY_SIZE(members), NULL, path, err);

	if (r < 0)
		return r;
	if (prefix[0] != '/')
		return err_set(err, EINVAL, "%s.prefix must begin with '/'", path);
	/* What the proxy serves must be inside the release. */
	if (!manifest_is_inner_path(dir) || (fallback && !manifest_is_inner_path(fallback)))
		return err_set(err, EINVAL, "%s.dir leaves the app's folder", path);
	plan_add_static(p, prefix, dir, fallback);
	return 0;
}

typedef int (*read_item)(struct plan *p, const json_t *value, const char *path, struct err *err);

static int read_items(
	struct plan *p, const json_t *list, const char *name, read_item read, struct err *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		_cleanup_free_ char *path = xasprintf("%s[%zu]", name, i);
		int r = read(p, json_array_get(list, i), path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_app(const char *app, struct err *err)
{
	return app ? ident_check_app(app, err) : 0;
}

static int read_plan(const json_t *root, struct plan *p, struct err *err)
{
	const char *app = NULL, *stack = NULL, *framework = NULL, *release_command = NULL;
	json_t *reasons = NULL, *steps = NULL, *caches = NULL, *build_env = NULL, *env = NULL,
	       *processes = NULL, *statics = NULL, *domains = NULL, *volumes = NULL;
	const struct json_member members[] = {
		{"app", JSON_TEXT, .to = &app},
		{"stack", JSON_TEXT, .required = true, .min = 1, .max = 32, .to = &stack},
		{"framework", JSON_TEXT, .max = 32, .to = &framework},
		{"release_command", JSON_TEXT, .min = 1, .max = PLAN_TEXT_MAX,
			.to = &release_command},
		{"reasons", JSON_LIST, .max = PLAN_REASONS_MAX, .to = &reasons},
		{"steps", JSON_LIST, .max = PLAN_STEPS_MAX, .to = &steps},
		{"processes", JSON_LIST, .max = PLAN_PROCESSES_MAX, .to = &processes},
		{"statics", JSON_LIST, .max = PLAN_LIST_MAX, .to = &statics},
		{"caches", JSON_LIST, .max = PLAN_LIST_MAX, .to = &caches},
		{"domains", JSON_LIST, .max = PLAN_LIST_MAX, .to = &domains},
		{"volumes", JSON_LIST, .max = PLAN_LIST_MAX, .to = &volumes},
		{"build_env", JSON_MAP, .to = &build_env},
		{"env", JSON_MAP, .to = &env},
		{"build_memory_max", JSON_UNSIGNED, .max = MEMORY_MAX, .to = &p->build_memory_max},
	};
	int r = json_members(root, members, ARRAY_SIZE(members), NULL, "", err);

	if (r < 0 || (r = check_app(app, err)) < 0 ||
		(r = read_texts(reasons, "reasons", check_any, add_reason, p, err)) < 0 ||
		(r = read_items(p, steps, "steps", read_step, err)) < 0 ||
		(r = read_items(p, processes, "processes", read_process, err)) < 0 ||
		(r = read_items(p, statics, "statics", read_static, err)) < 0 ||
		(r = read_texts(caches, "caches", ident_check_process, plan_add_cache, p, err)) <
			0 ||
		(r = read_texts(domains, "domains", check_domain, plan_add_domain, p, err)) < 0 ||
		(r = read_texts(volumes, "volumes", ident_check_process, plan_add_volume, p, err)) <
			0 ||
		(r = read_pairs(build_env, "build_env", plan_set_build_env, p, err)) < 0 ||
		(r = read_pairs(env, "env", plan_set_env, p, err)) < 0)
		return r;
	p->app = dup_or_null(app);
	p->stack = xstrdup(stack);
	p->framework = dup_or_null(framework);
	p->release_command = dup_or_null(release_command);
	return 0;
}

int plan_parse(const char *text, size_t len, struct plan **ret, struct err *err)
{
	_cleanup_(plan_freep) struct plan *p = plan_new();
	json_auto_t *root = NULL;

	if (len > PLAN_BYTES_MAX)
		return err_set(err, EFBIG, "the plan is larger than the limit of 1 MB");
	int r = json_parse_object("the plan", text, len, &root, err);
	if (r == 0)
		r = read_plan(root, p, err);
	if (r < 0)
		return err_wrap(err, "plan");
	*ret = take_ptr(p);
	return 0;
}
