/* SPDX-License-Identifier: Apache-2.0
 *
 * Which stack a source tree is of, in which order they are asked, and how what the author wrote in
 * berth.yaml and the Procfile goes over a stack's own rules.
 */
#include <errno.h>

#include "builders/builder.h"
#include "lib/base/str.h"

/* Asked in this order. Languages come before the executable and static rules, because a tree with
 * a package.json may well have a public/index.html or a compiled file beside it. A script is last:
 * many trees have one that is not the app. */
static const struct builder *const registry[] = {
	&builder_python,
	&builder_node,
	&builder_go,
	&builder_procfile,
	&builder_executable,
	&builder_static,
	&builder_script,
};

/* Files that tell of stacks which another version may build. The first of these are the app even
 * when a package.json stands beside them. */
static const struct {
	const char *file, *stack;
	bool before_node;
} later[] = {
	{"Gemfile", "Ruby", true},
	{"composer.json", "PHP", true},
	{"mix.exs", "Elixir", true},
	{"Cargo.toml", "Rust", false},
	{"pom.xml", "Java (Maven)", false},
	{"build.gradle", "Java (Gradle)", false},
	{"build.gradle.kts", "Java (Gradle)", false},
	{"deno.json", "Deno", false},
	{"deno.jsonc", "Deno", false},
	{"index.php", "PHP", false},
	{"Dockerfile", "Dockerfile", false},
	{"Containerfile", "Containerfile", false},
	{"compose.yaml", "Compose", false},
	{"docker-compose.yml", "Compose", false},
};

bool detection_has_command(const struct detection *d, const char *name)
{
	const struct manifest_process *p = manifest_process(d->manifest, name);
	return (p && p->command) || procfile_command(d->procfile, name);
}

static int refuse_later(const struct detection *d, bool before_node, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		if (before_node && !later[i].before_node)
			continue;
		if (source_has_file(d->source, later[i].file))
			return err_set(err, EINVAL,
				"%s found: %s is not supported by this version; it builds static sites, "
				"Python, Node, Go, a Procfile or one executable. If the app is one of "
				"these, say so in berth.yaml: build: {stack: ...}",
				later[i].file, later[i].stack);
	}
	return 0;
}

static int nothing_matches(const struct detection *d, struct err *err)
{
	_cleanup_names_ struct source_names names = {0};
	char list[200] = "";
	size_t at = 0;

	int r = refuse_later(d, false, err);
	if (r < 0)
		return r;
	source_list(d->source, ".", &names);
	for (size_t i = 0; i < names.count; i++) {
		size_t n = strlen(names.names[i]);
		if (at + n + 8 > sizeof list) {
			(void)snprintf(list + at, sizeof list - at, ", ...");
			break;
		}
		at += (size_t)snprintf(
			list + at, sizeof list - at, "%s%s", at ? ", " : "", names.names[i]);
	}
	if (names.count == 0)
		return err_set(err, EINVAL, "there are no files to deploy");
	return err_set(err, EINVAL,
		"nothing that can be built was found. Expected requirements.txt, pyproject.toml, "
		"package.json, go.mod, Procfile, one executable file, or index.html; found: %s",
		list);
}

static const struct builder *by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(registry); i++)
		if (streq(registry[i]->name, name))
			return registry[i];
	return NULL;
}

static int choose(const struct detection *d, const struct builder **ret, struct err *err)
{
	const char *said = d->manifest->build.stack;

	if (said) {
		*ret = by_name(said);
		must(*ret); /* the manifest's reader knows the names */
		const char *why = (*ret)->detect(d);
		if (!why && streq(said, "executable") && builder_script.detect(d))
			*ret = &builder_script;
		plan_add_reason(d->plan, "%s: berth.yaml says build.stack", said);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(registry); i++) {
		if (registry[i] == &builder_node && refuse_later(d, true, err) < 0)
			return -EINVAL;
		const char *why = registry[i]->detect(d);
		if (!why)
			continue;
		*ret = registry[i];
		plan_add_reason(d->plan, "%s: %s", registry[i]->name, why);
		return 0;
	}
	return nothing_matches(d, err);
}

static int read_manifest(const struct source *s, struct manifest **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (source_has_file(s, "berth.yml"))
		return err_set(err, EINVAL, "berth.yml found: the file is called berth.yaml");
	int r = source_read(s, MANIFEST_FILE, SOURCE_FILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	return manifest_parse(MANIFEST_FILE, text ? text : "", text ? len : 0, ret, err);
}

static int read_procfile(const struct source *s, struct procfile **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	int r = source_read(s, PROCFILE_FILE, PROCFILE_BYTES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	return procfile_parse(PROCFILE_FILE, text ? text : "", text ? len : 0, ret, err);
}

static void merge_procfile(const struct detection *d)
{
	for (size_t i = 0; i < d->procfile->count; i++) {
		const struct procfile_entry *e = &d->procfile->entries[i];
		if (streq(e->name, "release")) {
			free(d->plan->release_command);
			d->plan->release_command = xstrdup(e->command);
			plan_add_reason(d->plan, "release command: Procfile, line %u", e->line);
			continue;
		}
		plan_set_command(plan_add_process(d->plan, e->name), e->command);
		plan_add_reason(d->plan, "%s: Procfile, line %u", e->name, e->line);
	}
}

static int merge_process(
	const struct detection *d, const struct manifest_process *m, struct err *err)
{
	struct plan_process *p = plan_process(d->plan, m->name);

	if (!p && !m->command)
		return err_set(err, EINVAL,
			"berth.yaml: processes.%s has no command, and neither the Procfile nor the %s "
			"rules give one",
			m->name, d->plan->stack);
	if (!p)
		p = plan_add_process(d->plan, m->name);
	if (m->command) {
		plan_set_command(p, m->command);
		plan_add_reason(d->plan, "%s: berth.yaml, processes.%s", m->name, m->name);
	}
	if (m->instances > 0)
		p->instances = m->instances;
	if (m->memory_max > 0)
		p->memory_max = m->memory_max;
	if (m->stop_timeout_ms > 0)
		p->stop_timeout_ms = m->stop_timeout_ms;
	if (m->health.path) {
		free(p->health.path);
		p->health.path = xstrdup(m->health.path);
		p->health.status = m->health.status;
	}
	if (m->health.timeout_ms > 0)
		p->health.timeout_ms = m->health.timeout_ms;
	return 0;
}

static void merge_statics(const struct detection *d)
{
	const struct manifest *m = d->manifest;

	for (size_t i = 0; i < m->static_count; i++) {
		for (size_t k = 0; k < d->plan->static_count; k++)
			if (streq(d->plan->statics[k].prefix, m->statics[i].prefix))
				plan_drop_static(d->plan, k--);
		plan_add_static(
			d->plan, m->statics[i].prefix, m->statics[i].dir, m->statics[i].fallback);
		plan_add_reason(d->plan, "%s is served from %s: berth.yaml, static",
			m->statics[i].prefix, m->statics[i].dir);
	}
}

static int merge_manifest(const struct detection *d, struct err *err)
{
	const struct manifest *m = d->manifest;
	struct plan *p = d->plan;

	p->app = m->app ? xstrdup(m->app) : NULL;
	if (m->release) {
		free(p->release_command);
		p->release_command = xstrdup(m->release);
		plan_add_reason(p, "release command: berth.yaml, release");
	}
	for (size_t i = 0; i < m->process_count; i++) {
		int r = merge_process(d, &m->processes[i], err);
		if (r < 0)
			return r;
	}
	merge_statics(d);
	for (size_t i = 0; i < m->build.env_count; i++)
		plan_set_build_env(p, m->build.env[i].name, m->build.env[i].value);
	for (size_t i = 0; i < m->env_count; i++)
		plan_set_env(p, m->env[i].name, m->env[i].value);
	for (size_t i = 0; i < m->domain_count; i++)
		plan_add_domain(p, m->domains[i]);
	for (size_t i = 0; i < m->volume_count; i++)
		plan_add_volume(p, m->volumes[i]);
	p->build_memory_max = m->build.memory_max;
	return 0;
}

/* A plan must serve or run something. */
static int check_whole(const struct detection *d, struct err *err)
{
	size_t count = d->procfile->count;

	for (size_t i = 0; i < d->manifest->process_count; i++)
		count += procfile_command(d->procfile, d->manifest->processes[i].name) == NULL;
	if (count + 1 > PLAN_PROCESSES_MAX)
		return err_set(err, EINVAL, "more than %d processes in berth.yaml and Procfile",
			PLAN_PROCESSES_MAX - 1);
	return 0;
}

static int make_plan(struct detection *d, struct err *err)
{
	const struct builder *b = NULL;

	int r = check_whole(d, err);
	if (r == 0)
		r = choose(d, &b, err);
	if (r != 0)
		return r;
	must(b);
	d->plan->stack = xstrdup(b->name);
	r = b->plan(d, err);
	if (r < 0)
		return r;
	merge_procfile(d);
	r = merge_manifest(d, err);
	if (r == 0 && d->plan->process_count == 0 && d->plan->static_count == 0)
		r = err_set(err, EINVAL,
			"nothing to run or serve: name a web process in a Procfile (web: COMMAND) or in "
			"berth.yaml");
	return r;
}

int detect_plan(const struct source *source, const struct toolchain *tools, struct plan **ret,
	struct err *err)
{
	_cleanup_(manifest_freep) struct manifest *manifest = NULL;
	_cleanup_(procfile_freep) struct procfile *procfile = NULL;
	_cleanup_(plan_freep) struct plan *plan = plan_new();

	int r = read_manifest(source, &manifest, err);
	if (r == 0)
		r = read_procfile(source, &procfile, err);
	if (r != 0)
		return r;
	struct detection d = {source, manifest, procfile, tools, plan};
	r = make_plan(&d, err);
	if (r < 0)
		return r;
	*ret = take_ptr(plan);
	return 0;
}
