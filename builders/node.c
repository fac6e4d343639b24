/* SPDX-License-Identifier: Apache-2.0
 *
 * Node: npm, the build script, and what starts. A package that builds a folder of pages and starts
 * no server of its own becomes a static site.
 */
#include <errno.h>

#include "builders/builder.h"
#include "builders/command.h"
#include "builders/version.h"
#include "lib/base/str.h"
#include "lib/data/json.h"

struct package {
	json_t *root;
	bool has_lock, has_dependencies, has_dev;
	const char *build, *start, *main; /* borrowed from root, or NULL */
};

/* Tools that write a folder of pages, and servers that are for development only. */
static const struct {
	const char *package, *folder, *dev_server;
	bool one_page; /* paths that do not exist get index.html */
} generators[] = {
	{"react-scripts", "build", "react-scripts", true},
	{"@vue/cli-service", "dist", "vue-cli-service", true},
	{"astro", "dist", "astro", false},
	{"@11ty/eleventy", "_site", "eleventy", false},
	{"gatsby", "public", "gatsby", false},
	{"vite", "dist", "vite", true},
	{"parcel", "dist", "parcel", true},
};

/* With one of these the app is a server, whatever builds its pages. */
static const char *const servers[] = {"express", "fastify", "koa", "hono", "next", "nuxt",
	"@nestjs/core", "@sveltejs/kit", "@hapi/hapi", "@remix-run/serve", "restify", "polka"};

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s && *s ? s : NULL;
}

static bool depends_on(const struct package *p, const char *name)
{
	return json_object_get(json_object_get(p->root, "dependencies"), name) ||
	       json_object_get(json_object_get(p->root, "devDependencies"), name);
}

/* Other package managers would install other versions than npm does: not guessed at. */
static int refuse_other_managers(const struct source *s, const struct package *p, struct err *err)
{
	static const struct {
		const char *file, *name;
	} locks[] = {
		{"pnpm-lock.yaml", "pnpm"},
		{"yarn.lock", "yarn"},
		{"bun.lockb", "bun"},
		{"bun.lock", "bun"},
	};
	const char *manager = text_of(p->root, "packageManager");

	for (size_t i = 0; i < ARRAY_SIZE(locks) && !p->has_lock; i++)
		if (source_has_file(s, locks[i].file))
			return err_set(err, EINVAL,
				"%s found: %s is not supported by this version; use npm (npm install writes "
				"package-lock.json) and remove %s",
				locks[i].file, locks[i].name, locks[i].file);
	if (manager && !has_prefix(manager, "npm@") && !p->has_lock)
		return err_set(err, EINVAL,
			"package.json names %s as packageManager: only npm is supported by this version",
			manager);
	return 0;
}

static int read_package(const struct source *s, struct package *p, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	int r = source_read(s, "package.json", SOURCE_FILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	if (!text)
		return err_set(err, EINVAL, "there is no package.json");
	r = json_parse_object("package.json", text, len, &p->root, err);
	if (r < 0)
		return r;
	const json_t *run = json_object_get(p->root, "scripts");
	p->build = text_of(run, "build");
	p->start = text_of(run, "start");
	p->main = text_of(p->root, "main");
	p->has_dependencies = json_object_size(json_object_get(p->root, "dependencies")) > 0;
	p->has_dev = json_object_size(json_object_get(p->root, "devDependencies")) > 0;
	p->has_lock = source_has_file(s, "package-lock.json") ||
		      source_has_file(s, "npm-shrinkwrap.json");
	return refuse_other_managers(s, p, err);
}

static int check_version(const struct detection *d, const struct package *p, struct err *err)
{
	_cleanup_free_ char *have = d->tools->version(d->tools, "node");
	const char *want = text_of(json_object_get(p->root, "engines"), "node");

	if (!have)
		return err_set(
			err, EINVAL, "Node is not installed on this host: apt install nodejs npm");
	if (want && version_matches_npm(have, want) == VERSION_NO)
		return err_set(err, EINVAL,
			"package.json asks for node %s, this host has %s: install that version on the "
			"host, or change \"engines\"",
			want, have);
	plan_add_reason(d->plan, "Node %s%s%s", have, want ? ", package.json asks for " : "",
		want ? want : "");
	return 0;
}

/* Development packages are needed to build, and only then. */
static void plan_install(const struct detection *d, const struct package *p, bool builds)
{
	if (!p->has_lock && !p->has_dependencies && !(builds && p->has_dev))
		return;
	_cleanup_free_ char *command = xasprintf("npm %s %s --no-audit --no-fund --prefer-offline",
		p->has_lock ? "ci" : "install", builds ? "--include=dev" : "--omit=dev");
	plan_add_cache(d->plan, "npm");
	plan_add_step(d->plan, "install packages", command);
	if (!p->has_lock)
		plan_add_reason(
			d->plan, "no package-lock.json: versions may change between deploys");
}

static bool is_npm_word(const char *command)
{
	return strstr(command, "npm ") || strstr(command, "npx ") || strstr(command, "node ");
}

/* The author's build command stands in for the build script. */
static void plan_build(const struct detection *d, const struct package *p)
{
	if (d->manifest->build.command)
		plan_add_step(d->plan, "build", d->manifest->build.command);
	else if (p->build)
		plan_add_step(d->plan, "build", "npm run build");
}

/* "outDir: 'www'" in vite.config.*; owned by the caller, or NULL. */
static char *configured_folder(const struct source *s)
{
	static const char *const files[] = {
		"vite.config.js", "vite.config.ts", "vite.config.mjs", "astro.config.mjs"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = source_text(s, files[i], NULL);
		const char *at = text ? strstr(text, "outDir") : NULL;
		at = at ? at + 6 + strspn(at + 6, " \t:") : NULL;
		if (!at || !strchr("'\"`", *at))
			continue;
		const char *end = strchr(at + 1, *at);
		const char *from = has_prefix(at + 1, "./") ? at + 3 : at + 1;
		if (!end || end <= from)
			continue;
		char *folder = xstrndup(from, (size_t)(end - from));
		if (manifest_is_inner_path(folder))
			return folder;
		free(folder);
	}
	return NULL;
}

/* The generator of a package that only builds pages; -1 for an app that runs. */
static int find_generator(const struct detection *d, const struct package *p)
{
	if (!p->build || detection_has_command(d, "web"))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		if (depends_on(p, servers[i]))
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(generators); i++) {
		if (!depends_on(p, generators[i].package))
			continue;
		if (!p->start || has_prefix(p->start, generators[i].dev_server))
			return (int)i;
	}
	return -1;
}

static bool manifest_serves_root(const struct manifest *m)
{
	for (size_t i = 0; i < m->static_count; i++)
		if (streq(m->statics[i].prefix, "/"))
			return true;
	return false;
}

static void plan_pages(const struct detection *d, int generator)
{
	_cleanup_free_ char *configured = configured_folder(d->source);
	const char *folder = configured ? configured : generators[generator].folder;

	d->plan->framework = xstrdup(generators[generator].package);
	plan_add_static(d->plan, "/", folder, generators[generator].one_page ? "index.html" : NULL);
	plan_add_reason(
		d->plan, "serves %s: what %s builds", folder, generators[generator].package);
}

/* A simple start script runs without npm in between: it would cost 40 MB and swallow signals. */
static char *start_command(const struct detection *d, const struct package *p, const char **ret_why)
{
	static const char *const files[] = {
		"server.js", "index.js", "app.js", "server.mjs", "index.mjs"};
	const json_t *run = json_object_get(p->root, "scripts");
	_cleanup_free_ char *program = p->start ? command_program(p->start) : NULL;

	*ret_why = "the start script";
	if (program && !streq(program, "npm") && !streq(program, "npx") &&
		!streq(program, "yarn") && !text_of(run, "prestart") && !text_of(run, "poststart"))
		return xstrdup(p->start);
	if (p->start)
		return xstrdup("npm start");
	*ret_why = "\"main\" in package.json";
	if (p->main && manifest_is_inner_path(has_prefix(p->main, "./") ? p->main + 2 : p->main) &&
		!strpbrk(p->main, "'\"$ ;&|") && (p->build || source_has_file(d->source, p->main)))
		return xasprintf("node %s", p->main);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (source_has_file(d->source, files[i])) {
			*ret_why = files[i];
			return xasprintf("node %s", files[i]);
		}
	return NULL;
}

static int plan_server(const struct detection *d, const struct package *p, struct err *err)
{
	const char *why = "";
	_cleanup_free_ char *command = start_command(d, p, &why);

	for (size_t i = 0; i < ARRAY_SIZE(servers) && !d->plan->framework; i++)
		if (depends_on(p, servers[i]))
			d->plan->framework = xstrdup(servers[i]);
	plan_set_env(d->plan, "NODE_ENV", "production");
	/* Only what is started by node itself surely does without the development packages. */
	if (p->build && p->has_dev && command && has_prefix(command, "node "))
		plan_add_step(d->plan, "remove development packages",
			"npm prune --omit=dev --ignore-scripts --no-audit --no-fund");
	if (detection_has_command(d, "web") || manifest_serves_root(d->manifest))
		return 0;
	if (!command && (d->procfile->count > 0 || d->manifest->process_count > 0))
		return 0;
	if (!command)
		return err_set(err, EINVAL,
			"package.json has no start script and no \"main\", and there is no server.js or "
			"index.js: add \"start\" to its scripts, or name a folder to serve in berth.yaml "
			"(static: {/: FOLDER})");
	plan_set_command(plan_add_process(d->plan, "web"), command);
	plan_add_reason(d->plan, "web: %s", why);
	return 0;
}

static int plan_package(const struct detection *d, const struct package *p, struct err *err)
{
	int r = check_version(d, p, err);

	if (r < 0)
		return r;
	plan_set_build_env(d->plan, "NODE_ENV", "production");
	plan_install(d, p, p->build || d->manifest->build.command);
	plan_build(d, p);
	int generator = manifest_serves_root(d->manifest) ? -1 : find_generator(d, p);
	if (generator < 0)
		return plan_server(d, p, err);
	plan_pages(d, generator);
	plan_add_step(d->plan, "remove build packages", "rm -rf node_modules");
	return 0;
}

static const char *detect(const struct detection *d)
{
	return source_has_file(d->source, "package.json") ? "package.json" : NULL;
}

static int plan(const struct detection *d, struct err *err)
{
	struct package p = {0};

	int r = read_package(d->source, &p, err);
	if (r == 0)
		r = plan_package(d, &p, err);
	json_decref(p.root);
	return r;
}

int node_plan_assets(const struct detection *d, struct err *err)
{
	struct package p = {0};
	int r = 0;

	if (!source_has_file(d->source, "package.json"))
		return 0;
	r = read_package(d->source, &p, err);
	bool by_command = d->manifest->build.command && is_npm_word(d->manifest->build.command);
	if (r == 0 && (p.build || by_command)) {
		r = check_version(d, &p, err);
		plan_add_reason(d->plan, "node builds the pages' files: package.json");
		plan_install(d, &p, true);
		if (r == 0 && !d->manifest->build.command)
			plan_add_step(d->plan, "build", "npm run build");
	}
	json_decref(p.root);
	return r;
}

const struct builder builder_node = {"node", detect, plan};
