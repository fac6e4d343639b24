/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Python app asks for: requirements.txt with its includes, or pyproject.toml.
 */
#include <errno.h>
#include <libgen.h>

#include "builders/python.h"
#include "builders/toml.h"
#include "lib/base/str.h"

#define INCLUDES_MAX 16
#define DEPENDENCIES_MAX 12000 /* bytes of a shell line */

struct reader {
	const struct source *s;
	struct python_app *app;
	unsigned includes;
	const char *dir; /* of the file being read */
	const char *missing; /* the first include that is not there */
	char missing_name[256];
};

/* FNV-1a, two halves. It names a cache folder of this one app; nobody gains by a collision. */
static void hash_bytes(struct python_app *app, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		app->hash[0] = (app->hash[0] ^ (unsigned char)text[i]) * 0x100000001b3u;
		app->hash[1] = (app->hash[1] ^ (unsigned char)(text[i] + 1)) * 0x100000001b3u;
	}
}

static void on_include(void *data, const char *path, bool constraint);

static bool read_file(struct reader *r, const char *path, bool names)
{
	size_t len = 0;
	_cleanup_free_ char *text = source_text(r->s, path, &len);
	_cleanup_free_ char *copy = xstrdup(path);
	const char *former = r->dir;
	struct requirements ignored = {0};

	if (!text)
		return false;
	hash_bytes(r->app, path, strlen(path) + 1);
	hash_bytes(r->app, text, len);
	r->dir = dirname(copy); /* NOLINT(concurrency-mt-unsafe): works in the copy */
	requirements_parse(names ? &r->app->packages : &ignored, text, len, on_include, r);
	requirements_free(&ignored);
	r->dir = former;
	return true;
}

/* A path is relative to the file that names it. */
static void on_include(void *data, const char *path, bool constraint)
{
	struct reader *r = data;

	if (r->includes++ >= INCLUDES_MAX)
		return;
	if (strstr(path, "://"))
		return;
	_cleanup_free_ char *whole =
		streq(r->dir, ".") ? xstrdup(path) : xasprintf("%s/%s", r->dir, path);
	if (!read_file(r, whole, !constraint) && !r->missing) {
		(void)snprintf(r->missing_name, sizeof r->missing_name, "%s", whole);
		r->missing = r->missing_name;
	}
}

/* One more word of a shell line, in single quotes. */
static void add_dependency(struct python_app *app, const char *requirement)
{
	const char *former = app->dependencies ? app->dependencies : "";
	char *line;

	if (strchr(requirement, '\'') || strchr(requirement, '\n')) {
		/* PEP 508 takes either quote in a marker. */
		_cleanup_free_ char *copy = xstrdup(requirement);
		for (char *p = copy; *p; p++)
			*p = *p == '\'' ? '"' : *p == '\n' ? ' ' : *p;
		line = xasprintf("%s%s'%s'", former, *former ? " " : "", copy);
	} else {
		line = xasprintf("%s%s'%s'", former, *former ? " " : "", requirement);
	}
	free(app->dependencies);
	app->dependencies = line;
}

static void on_toml(void *data, const char *table, const char *key, const char *value)
{
	struct python_app *app = data;

	if (!key) {
		app->has_project = app->has_project || streq(table, "project");
		app->has_poetry = app->has_poetry || streq(table, "tool.poetry");
		app->has_build_system = app->has_build_system || streq(table, "build-system");
	} else if (streq(table, "project") && streq(key, "dependencies")) {
		requirements_add(&app->packages, str_from(value));
		if (!app->dependencies || strlen(app->dependencies) < DEPENDENCIES_MAX)
			add_dependency(app, value);
	} else if ((streq(table, "project") && streq(key, "requires-python")) ||
		   (streq(table, "tool.poetry.dependencies") && streq(key, "python"))) {
		free(app->requires_python);
		app->requires_python = xstrdup(value);
	} else if (streq(table, "tool.poetry.dependencies")) {
		requirements_add(&app->packages, str_from(key));
	} else if (streq(table, "tool.fastapi") && streq(key, "entrypoint")) {
		free(app->fastapi_entrypoint);
		app->fastapi_entrypoint = xstrdup(value);
	}
}

/* The names that people type for requirements.txt. */
static int refuse_misspelt(const struct source *s, struct err *err)
{
	static const char *const names[] = {"requirement.txt", "Requirements.txt",
		"requirements.text", "requirments.txt", "requierments.txt", "requirements.txt.txt",
		"requirments", "requirements", "reqirements.txt", "requirements-txt"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (source_has_file(s, names[i]))
			return err_set(err, EINVAL,
				"%s found: the file is called requirements.txt; rename it",
				names[i]);
	return 0;
}

/* What PowerShell's "pip freeze > requirements.txt" writes: no name in it would be found. */
static int refuse_utf16(const struct source *s, struct err *err)
{
	unsigned char mark[2];

	if (source_peek(s, "requirements.txt", mark, sizeof mark) == 2 &&
		((mark[0] == 0xff && mark[1] == 0xfe) || (mark[0] == 0xfe && mark[1] == 0xff)))
		return err_set(err, EINVAL, "requirements.txt is UTF-16 text: save it as UTF-8");
	return 0;
}

static int read_pyproject(const struct source *s, struct python_app *app)
{
	size_t len = 0;
	_cleanup_free_ char *text = source_text(s, "pyproject.toml", &len);

	if (!text)
		return 0;
	toml_walk(text, len, on_toml, app);
	if (app->install != PYTHON_INSTALL_NOTHING || (!app->has_project && !app->has_poetry))
		return 0;
	hash_bytes(app, text, len);
	app->install = app->has_build_system || !app->dependencies ? PYTHON_INSTALL_PROJECT
								   : PYTHON_INSTALL_DEPENDENCIES;
	if (app->has_project && !app->has_build_system && !app->dependencies)
		app->install = PYTHON_INSTALL_NOTHING;
	return 0;
}

int python_read_app(const struct source *s, struct python_app *app, struct err *err)
{
	struct reader r = {.s = s, .app = app, .dir = "."};

	app->hash[0] = 0xcbf29ce484222325u;
	app->hash[1] = 0x84222325cbf29ce4u;
	if (refuse_utf16(s, err) < 0)
		return -EINVAL;
	if (read_file(&r, "requirements.txt", true)) {
		app->install = PYTHON_INSTALL_REQUIREMENTS;
		if (r.missing)
			return err_set(err, EINVAL,
				"requirements.txt includes %s, which does not exist", r.missing);
	} else {
		int e = refuse_misspelt(s, err);
		if (e < 0)
			return e;
	}
	return read_pyproject(s, app);
}

void python_app_free(struct python_app *app)
{
	requirements_free(&app->packages);
	free(app->requires_python);
	free(app->fastapi_entrypoint);
	free(app->dependencies);
}
