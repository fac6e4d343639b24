/* SPDX-License-Identifier: Apache-2.0
 *
 * berth.yaml to struct manifest: one function a section, each with the table of its keys.
 */
#include "lib/data/manifest.h"

#include <errno.h>

#include "lib/base/ident.h"
#include "lib/data/json.h"

#define MEMORY_MIN (4u << 20)
#define MEMORY_MAX (1ULL << 44)
#define TIMEOUT_MAX_MS (3600u * 1000)

#define LATER "is not supported by this version"

struct reader {
	const struct yaml *y;
	struct manifest *m;
	struct err *err;
};

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* A command is one line for /bin/sh. */
static int check_command(struct reader *r, const char *path, const char *command)
{
	if (!command)
		return 0;
	for (const char *p = command; *p; p++)
		if ((unsigned char)*p < 0x20 && *p != '\t' && *p != '\n')
			return yaml_doc_error(r->y, path, r->err, "has a control character");
	if (command[strspn(command, " \t\n")] == '\0')
		return yaml_doc_error(r->y, path, r->err, "must not be empty");
	return 0;
}

static int read_app(struct reader *r, const char *app)
{
	struct err why;

	if (!app)
		return 0;
	if (ident_check_app(app, &why) < 0)
		return yaml_doc_error(r->y, "app", r->err, "%s", why.msg);
	r->m->app = xstrdup(app);
	return 0;
}

static int read_domains(struct reader *r, const json_t *list)
{
	if (!list)
		return 0;
	r->m->domains = xcalloc(json_array_size(list) + 1, sizeof(char *));
	for (size_t i = 0; i < json_array_size(list); i++) {
		_cleanup_free_ char *path = xasprintf("domains[%zu]", i);
		const char *typed = json_string_value(json_array_get(list, i));
		char domain[IDENT_DOMAIN_MAX + 1];
		struct err why;
		if (!typed)
			return yaml_doc_error(r->y, path, r->err, "must be a host name");
		if (ident_normalise_domain(typed, true, domain, &why) < 0)
			return yaml_doc_error(r->y, path, r->err, "%s", why.msg);
		for (size_t j = 0; j < r->m->domain_count; j++)
			if (streq(r->m->domains[j], domain))
				return yaml_doc_error(
					r->y, path, r->err, "%s is given twice", domain);
		r->m->domains[r->m->domain_count++] = xstrdup(domain);
	}
	return 0;
}

/* Text, numbers and flags are taken as they were written. */
static char *env_text(const json_t *value)
{
	if (json_is_string(value))
		return xstrdup(json_string_value(value));
	if (json_is_integer(value) || json_is_boolean(value))
		return json_line(value);
	return NULL;
}

static int read_env(struct reader *r, const char *path,
	int (*check_name)(const char *name, struct err *err), json_t *map,
	struct manifest_pair **ret, size_t *ret_count)
{
	const char *name;
	json_t *value;
	struct err why;

	if (!map)
		return 0;
	if (json_object_size(map) > MANIFEST_ENV_MAX)
		return yaml_doc_error(
			r->y, path, r->err, "has more than %d variables", MANIFEST_ENV_MAX);
	*ret = xcalloc(json_object_size(map) + 1, sizeof **ret);
	json_object_foreach (map, name, value) {
		_cleanup_free_ char *at = json_path(path, name);
		if (check_name(name, &why) < 0)
			return yaml_doc_error(r->y, at, r->err, "%s", why.msg);
		char *text = env_text(value);
		if (!text)
			return yaml_doc_error(r->y, at, r->err,
				json_is_null(value) ? "has no value; write \"\" for an empty one"
						    : "must be one value, not a list or a mapping");
		(*ret)[(*ret_count)++] = (struct manifest_pair){xstrdup(name), text};
	}
	return 0;
}

static int read_stack(struct reader *r, const char *stack)
{
	static const char *const known[] = {
		"static", "python", "node", "go", "procfile", "executable"};
	static const char *const later[] = {"ruby", "php", "rust", "java", "elixir", "deno", "bun",
		"dotnet", "docker", "dockerfile", "container", "image", "compose"};

	if (!stack)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(stack, known[i])) {
			r->m->build.stack = xstrdup(stack);
			return 0;
		}
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (streq(stack, later[i]))
			return yaml_doc_error(r->y, "build.stack", r->err,
				"\"%s\" " LATER
				"; it has static, python, node, go, procfile, executable",
				stack);
	const char *near = str_nearest(stack, known, ARRAY_SIZE(known));
	return yaml_doc_error(r->y, "build.stack", r->err,
		near ? "\"%s\" is not known; did you mean \"%s\"?"
		     : "\"%s\" is not known; there are static, python, node, go, procfile, "
		       "executable",
		stack, near);
}

static int read_build(struct reader *r, json_t *build)
{
	const char *stack = NULL, *command = NULL;
	json_t *env = NULL;
	const struct json_member members[] = {
		{"stack", JSON_TEXT, .to = &stack},
		{"command", JSON_TEXT, .min = 1, .max = MANIFEST_COMMAND_MAX, .to = &command},
		{"env", JSON_MAP, .to = &env},
		{"memory", JSON_BYTES, .min = 32u << 20, .max = MEMORY_MAX,
			.to = &r->m->build.memory_max},
	};

	if (!build)
		return 0;
	int e = json_members(build, members, ARRAY_SIZE(members), r->y, "build", r->err);
	if (e == 0)
		e = read_stack(r, stack);
	if (e == 0)
		e = check_command(r, "build.command", command);
	if (e == 0)
		e = read_env(r, "build.env", ident_check_env, env, &r->m->build.env,
			&r->m->build.env_count);
	r->m->build.command = dup_or_null(command);
	return e;
}

static int check_url_path(struct reader *r, const char *at, const char *path)
{
	if (path[0] != '/')
		return yaml_doc_error(r->y, at, r->err, "must begin with '/', such as /up");
	if (strlen(path) > 1024)
		return yaml_doc_error(r->y, at, r->err, "is longer than 1024 characters");
	for (const char *p = path; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '#')
			return yaml_doc_error(r->y, at, r->err,
				"has a character that no URL path has; percent-encode it");
	return 0;
}

/* `health: /up`, or a mapping. */
static int read_health(struct reader *r, const char *at, json_t *health, struct manifest_health *to)
{
	const char *path = NULL;
	uint64_t status = 0;
	const struct json_member members[] = {
		{"path", JSON_TEXT, .min = 1, .to = &path},
		{"status", JSON_UNSIGNED, .min = 200, .max = 499, .to = &status},
		{"timeout", JSON_MILLISECONDS, .min = 1000, .max = TIMEOUT_MAX_MS,
			.to = &to->timeout_ms},
	};
	int e = 0;

	if (!health)
		return 0;
	_cleanup_free_ char *at_path = json_is_string(health) ? xstrdup(at) : json_path(at, "path");
	if (json_is_string(health))
		path = json_string_value(health);
	else
		e = json_members(health, members, ARRAY_SIZE(members), r->y, at, r->err);
	if (e == 0 && path)
		e = check_url_path(r, at_path, path);
	if (e == 0 && status > 0 && !path)
		e = yaml_doc_error(r->y, at, r->err, "\"status\" needs a \"path\"");
	if (e < 0)
		return e;
	to->path = dup_or_null(path);
	to->status = (unsigned)status;
	return 0;
}

static int read_process(struct reader *r, const char *name, json_t *value)
{
	_cleanup_free_ char *at = json_path("processes", name);
	struct manifest_process *p = &r->m->processes[r->m->process_count++];
	const char *command = NULL;
	uint64_t instances = 0;
	json_t *health = NULL;
	const struct json_member members[] = {
		{"command", JSON_TEXT, .min = 1, .max = MANIFEST_COMMAND_MAX, .to = &command},
		{"instances", JSON_UNSIGNED, .min = 1, .max = 64, .to = &instances},
		{"memory", JSON_BYTES, .min = MEMORY_MIN, .max = MEMORY_MAX, .to = &p->memory_max},
		{"stop_timeout", JSON_MILLISECONDS, .min = 1000, .max = TIMEOUT_MAX_MS,
			.to = &p->stop_timeout_ms},
		{"health", JSON_ANY, .to = &health},
		{"sleep", JSON_ANY, .refused = LATER},
		{"cron", JSON_ANY, .refused = LATER},
	};
	struct err why;

	p->name = xstrdup(name);
	if (ident_check_process(name, &why) < 0)
		return yaml_doc_error(r->y, at, r->err, "%s", why.msg);
	if (streq(name, "release"))
		return yaml_doc_error(r->y, at, r->err,
			"a release command is not a process; write it at the top: release: COMMAND");
	int e = 0;
	if (json_is_string(value)) /* worker: python worker.py */
		command = json_string_value(value);
	else if (!json_is_null(value))
		e = json_members(value, members, ARRAY_SIZE(members), r->y, at, r->err);
	if (e == 0)
		e = check_command(r, at, command);
	if (e < 0)
		return e;
	p->command = dup_or_null(command);
	p->instances = (unsigned)instances;
	_cleanup_free_ char *at_health = json_path(at, "health");
	return read_health(r, at_health, health, &p->health);
}

static int read_processes(struct reader *r, json_t *map)
{
	const char *name;
	json_t *value;

	if (!map)
		return 0;
	if (json_object_size(map) > MANIFEST_PROCESSES_MAX)
		return yaml_doc_error(r->y, "processes", r->err, "has more than %d processes",
			MANIFEST_PROCESSES_MAX);
	r->m->processes = xcalloc(json_object_size(map) + 1, sizeof *r->m->processes);
	json_object_foreach (map, name, value) {
		int e = read_process(r, name, value);
		if (e < 0)
			return e;
	}
	return 0;
}

static int read_volumes(struct reader *r, const json_t *list)
{
	if (!list)
		return 0;
	r->m->volumes = xcalloc(json_array_size(list) + 1, sizeof(char *));
	for (size_t i = 0; i < json_array_size(list); i++) {
		_cleanup_free_ char *path = xasprintf("volumes[%zu]", i);
		const char *name = json_string_value(json_array_get(list, i));
		struct err why;
		if (!name)
			return yaml_doc_error(r->y, path, r->err, "must be a name, such as media");
		if (ident_check_process(name, &why) < 0)
			return yaml_doc_error(r->y, path, r->err, "%s", why.msg);
		for (size_t j = 0; j < r->m->volume_count; j++)
			if (streq(r->m->volumes[j], name))
				return yaml_doc_error(
					r->y, path, r->err, "%s is given twice", name);
		r->m->volumes[r->m->volume_count++] = xstrdup(name);
	}
	return 0;
}

/* `/static: staticfiles`, or `/: {dir: dist, fallback: index.html}`. */
static int read_static(struct reader *r, const char *prefix, json_t *value)
{
	_cleanup_free_ char *at = json_path("static", prefix);
	const char *dir = json_string_value(value), *fallback = NULL;
	const struct json_member members[] = {
		{"dir", JSON_TEXT, .required = true, .min = 1, .to = &dir},
		{"fallback", JSON_TEXT, .min = 1, .to = &fallback},
	};
	int e = check_url_path(r, at, prefix);

	if (e == 0 && !json_is_string(value))
		e = json_members(value, members, ARRAY_SIZE(members), r->y, at, r->err);
	if (e < 0)
		return e;
	size_t len = strlen(dir);
	_cleanup_free_ char *inner = xstrndup(dir, len > 1 && dir[len - 1] == '/' ? len - 1 : len);
	if (!manifest_is_inner_path(inner) || (fallback && !manifest_is_inner_path(fallback)))
		return yaml_doc_error(
			r->y, at, r->err, "must be a folder inside the app, such as public");
	r->m->statics[r->m->static_count++] =
		(struct manifest_static){xstrdup(prefix), take_ptr(inner), dup_or_null(fallback)};
	return 0;
}

static int read_statics(struct reader *r, json_t *map)
{
	const char *prefix;
	json_t *value;

	if (!map)
		return 0;
	if (json_object_size(map) > MANIFEST_LIST_MAX)
		return yaml_doc_error(
			r->y, "static", r->err, "has more than %d folders", MANIFEST_LIST_MAX);
	r->m->statics = xcalloc(json_object_size(map) + 1, sizeof *r->m->statics);
	json_object_foreach (map, prefix, value) {
		int e = read_static(r, prefix, value);
		if (e < 0)
			return e;
	}
	return 0;
}

static int read_swap(struct reader *r, const char *swap)
{
	if (!swap || streq(swap, "rolling"))
		return 0;
	if (streq(swap, "hold"))
		return yaml_doc_error(r->y, "swap", r->err, "\"hold\" " LATER "; only rolling is");
	return yaml_doc_error(r->y, "swap", r->err, "must be rolling");
}

static int read_root(struct reader *r)
{
	const char *app = NULL, *release = NULL, *swap = NULL;
	json_t *domains = NULL, *build = NULL, *env = NULL, *processes = NULL, *volumes = NULL,
	       *statics = NULL;
	const struct json_member members[] = {
		{"app", JSON_TEXT, .min = 1, .to = &app},
		{"domains", JSON_LIST, .max = MANIFEST_LIST_MAX, .to = &domains},
		{"build", JSON_MAP, .to = &build},
		{"release", JSON_TEXT, .min = 1, .max = MANIFEST_COMMAND_MAX, .to = &release},
		{"env", JSON_MAP, .to = &env},
		{"processes", JSON_MAP, .to = &processes},
		{"volumes", JSON_LIST, .max = MANIFEST_LIST_MAX, .to = &volumes},
		{"static", JSON_MAP, .to = &statics},
		{"swap", JSON_TEXT, .to = &swap},
		{"cron", JSON_ANY, .refused = LATER},
		{"sleep", JSON_ANY, .refused = LATER},
	};

	if (json_is_null(r->y->root))
		return 0;
	int e = json_members(r->y->root, members, ARRAY_SIZE(members), r->y, "", r->err);
	if (e == 0)
		e = read_app(r, app);
	if (e == 0)
		e = read_domains(r, domains);
	if (e == 0)
		e = read_build(r, build);
	if (e == 0)
		e = check_command(r, "release", release);
	if (e == 0)
		e = read_env(r, "env", ident_check_app_env, env, &r->m->env, &r->m->env_count);
	if (e == 0)
		e = read_processes(r, processes);
	if (e == 0)
		e = read_volumes(r, volumes);
	if (e == 0)
		e = read_statics(r, statics);
	if (e == 0)
		e = read_swap(r, swap);
	r->m->release = dup_or_null(release);
	return e;
}

int manifest_parse(
	const char *file, const char *text, size_t len, struct manifest **ret, struct err *err)
{
	_cleanup_(yaml_doc_freep) struct yaml *y = NULL;
	_cleanup_(manifest_freep) struct manifest *m = xnew(struct manifest);

	int r = yaml_doc_parse(file, text, len, &y, err);
	if (r < 0)
		return r;
	struct reader reader = {y, m, err};
	r = read_root(&reader);
	if (r < 0)
		return r;
	*ret = take_ptr(m);
	return 0;
}
