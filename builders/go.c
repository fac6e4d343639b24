/* SPDX-License-Identifier: Apache-2.0
 *
 * Go: one `go build` of the main packages into bin/.
 */
#include <ctype.h>
#include <errno.h>

#include "builders/builder.h"
#include "builders/version.h"
#include "lib/base/str.h"

struct module {
	char *name; /* the last part of the module path, as the program is called */
	char *version; /* of the go line, or NULL */
};

static const char *detect(const struct detection *d)
{
	if (source_has_file(d->source, "go.mod"))
		return "go.mod";
	return source_has_file(d->source, "main.go") ? "main.go" : NULL;
}

/* "example.com/shop/v2" is called "shop", as `go install` does. */
static char *program_name(struct str path)
{
	for (;;) {
		const char *slash = memrchr(path.p, '/', path.len);
		struct str last =
			slash ? (struct str){slash + 1, (size_t)(path.p + path.len - slash - 1)}
			      : path;
		bool major = last.len >= 2 && last.p[0] == 'v' && isdigit((unsigned char)last.p[1]);
		if (!major || !slash)
			return str_dup(last);
		path.len = (size_t)(slash - path.p);
	}
}

static void read_module(const struct source *s, struct module *m)
{
	_cleanup_free_ char *text = source_text(s, "go.mod", NULL);
	struct str rest = str_from(text), line;

	while (text && str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (str_starts(line, STR("module ")) && !m->name)
			m->name = program_name(str_trim((struct str){line.p + 7, line.len - 7}));
		else if (str_starts(line, STR("go ")) && !m->version)
			m->version = str_dup(str_trim((struct str){line.p + 3, line.len - 3}));
	}
	/* The name goes into a shell line. */
	if (!m->name || !*m->name ||
		m->name[strspn(m->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789._-")] != '\0') {
		free(m->name);
		m->name = xstrdup("app");
	}
}

/* Has the folder a Go file of package main that is no test? */
static bool has_main(const struct source *s, const char *dir)
{
	_cleanup_names_ struct source_names names = {0};
	bool found = false;

	source_list(s, dir, &names);
	for (size_t i = 0; i < names.count && !found; i++) {
		if (!has_suffix(names.names[i], ".go") || has_suffix(names.names[i], "_test.go"))
			continue;
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, names.names[i]);
		_cleanup_free_ char *text = source_text(s, path, NULL);
		struct str rest = str_from(text), line;
		bool ignored = false;
		while (text && !found && str_split(&rest, '\n', &line)) {
			line = str_trim(line);
			ignored = ignored || str_starts(line, STR("//go:build ignore"));
			found = !ignored && str_starts(line, STR("package main"));
		}
	}
	return found;
}

/* The folders of cmd/ with a program. */
static size_t list_commands(const struct source *s, struct source_names *ret)
{
	size_t n = 0;

	source_list(s, "cmd", ret);
	for (size_t i = 0; i < ret->count; i++) {
		_cleanup_free_ char *dir = xasprintf("cmd/%s", ret->names[i]);
		bool is_program = has_main(s, dir) && !strpbrk(ret->names[i], "'\"$ ;&|");
		if (is_program)
			ret->names[n++] = ret->names[i];
		else
			free(ret->names[i]);
	}
	ret->count = n;
	return n;
}

/* Of several programs, the one that is called like the module, or plainly is the server. */
static const char *main_command(const struct source_names *commands, const char *module)
{
	const char *const wanted[] = {module, "web", "server", "api"};

	if (commands->count == 1)
		return commands->names[0];
	for (size_t k = 0; k < ARRAY_SIZE(wanted); k++)
		for (size_t i = 0; i < commands->count; i++)
			if (streq(commands->names[i], wanted[k]))
				return commands->names[i];
	return NULL;
}

static int check_version(const struct detection *d, const struct module *m, struct err *err)
{
	_cleanup_free_ char *have = d->tools->version(d->tools, "go");

	if (!have)
		return err_set(err, EINVAL,
			"Go is not installed on this host: apt install golang-go, or deploy the compiled "
			"program (one file) instead");
	if (m->version && version_compare(have, m->version) < 0)
		return err_set(err, EINVAL,
			"go.mod asks for Go %s, this host has %s: install a newer Go on the host, or "
			"deploy the compiled program (one file) instead",
			m->version, have);
	plan_add_reason(d->plan, "Go %s", have);
	return 0;
}

static void set_web(const struct detection *d, const char *name)
{
	_cleanup_free_ char *command = xasprintf("./bin/%s", name);

	if (detection_has_command(d, "web"))
		return;
	plan_set_command(plan_add_process(d->plan, "web"), command);
	plan_add_reason(d->plan, "web: %s", command);
}

#define GO_BUILD "go build -trimpath -ldflags='-s -w' -o "

static int plan_build(const struct detection *d, const struct module *m, struct err *err)
{
	_cleanup_names_ struct source_names commands = {0};

	if (d->manifest->build.command) {
		plan_add_step(d->plan, "build", d->manifest->build.command);
		set_web(d, m->name);
		return 0;
	}
	if (has_main(d->source, ".")) {
		_cleanup_free_ char *command = xasprintf(GO_BUILD "bin/%s %s", m->name,
			source_has_file(d->source, "go.mod") ? "." : "*.go");
		plan_add_step(d->plan, "compile", command);
		set_web(d, m->name);
		return 0;
	}
	if (list_commands(d->source, &commands) == 0)
		return err_set(err, EINVAL,
			"no main package: neither in the root nor in a folder of cmd/; say how to build in "
			"berth.yaml (build: {command: ...})");
	const char *name = main_command(&commands, m->name);
	if (!name && !detection_has_command(d, "web"))
		return err_set(err, EINVAL,
			"%zu programs in cmd/: say which one serves in a Procfile, such as web: ./bin/%s",
			commands.count, commands.names[0]);
	plan_add_step(d->plan, "compile", "mkdir -p bin && " GO_BUILD "bin/ ./cmd/...");
	if (name)
		set_web(d, name);
	return 0;
}

static int plan(const struct detection *d, struct err *err)
{
	struct module m = {0};

	read_module(d->source, &m);
	int r = check_version(d, &m, err);
	if (r == 0) {
		plan_add_cache(d->plan, "go-build");
		plan_add_cache(d->plan, "go-mod");
		plan_set_build_env(d->plan, "CGO_ENABLED", "0");
		/* A newer toolchain is not fetched behind the host's back; there is no .git to stamp. */
		plan_set_build_env(d->plan, "GOTOOLCHAIN", "local");
		plan_set_build_env(d->plan, "GOFLAGS", "-buildvcs=false");
		r = plan_build(d, &m, err);
	}
	free(m.name);
	free(m.version);
	return r;
}

const struct builder builder_go = {"go", detect, plan};
