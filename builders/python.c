/* SPDX-License-Identifier: Apache-2.0
 *
 * Python: a virtual environment beside the code, filled by pip from requirements.txt or
 * pyproject.toml; the web process by the framework's rules (python_web.c, django.c).
 */
#include "builders/python.h"

#include <errno.h>
#include <inttypes.h>

#include "builders/version.h"
#include "lib/base/str.h"

static const char *const scripts[] = {
	"main.py", "app.py", "server.py", "start.py", "run.py", "hello.py", "bot.py"};

static const char *find_script(const struct source *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		if (source_has_file(s, scripts[i]))
			return scripts[i];
	return NULL;
}

/* Many trees keep a pyproject.toml only for a linter: it counts when it describes a project. */
static bool has_project(const struct source *s)
{
	_cleanup_free_ char *text = source_text(s, "pyproject.toml", NULL);
	return text && (strstr(text, "[project]") || strstr(text, "[tool.poetry]"));
}

static const char *detect(const struct detection *d)
{
	const struct source *s = d->source;
	struct err ignored;

	if (source_has_file(s, "requirements.txt"))
		return "requirements.txt";
	if (has_project(s))
		return "pyproject.toml";
	if (source_has_file(s, "Pipfile"))
		return "Pipfile";
	if (source_has_file(s, "manage.py"))
		return "manage.py";
	if (source_has_file(s, "package.json") || source_has_file(s, "go.mod"))
		return NULL; /* a stray script is not the app */
	struct python_app app = {0};
	int r = python_read_app(s, &app, &ignored);
	python_app_free(&app);
	if (r < 0)
		return "a requirements file";
	return find_script(s) ? "a Python script" : NULL;
}

static int refuse_unsupported(const struct source *s, struct err *err)
{
	if (source_has_file(s, "requirements.txt") || has_project(s))
		return 0;
	if (source_has_file(s, "Pipfile"))
		return err_set(err, EINVAL,
			"Pipfile found: pipenv is not supported by this version; write a "
			"requirements.txt (pipenv requirements > requirements.txt)");
	if (source_has_file(s, "setup.py"))
		return err_set(err, EINVAL,
			"setup.py found, but no requirements.txt: write one with the line \".\"");
	return 0;
}

/* ".python-version" or the older "runtime.txt" of Heroku; owned by the caller, or NULL. */
static char *pinned_version(const struct source *s, const char **ret_file)
{
	static const char *const files[] = {".python-version", "runtime.txt"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = source_text(s, files[i], NULL);
		struct str rest = str_from(text), line;
		while (text && str_split(&rest, '\n', &line)) {
			line = str_trim(line);
			if (line.len > 0 && line.p[line.len - 1] == '\r')
				line.len--;
			if (line.len == 0 || line.p[0] == '#')
				continue;
			if (str_starts(line, STR("python-")))
				line = (struct str){line.p + 7, line.len - 7};
			*ret_file = files[i];
			return str_dup(line);
		}
	}
	return NULL;
}

/* The first two numbers of a version decide: "3.11.4" runs on any 3.11. */
static char *minor_of(const char *version)
{
	const char *dot = strchr(version, '.');
	const char *second = dot ? strchr(dot + 1, '.') : NULL;
	return second ? xstrndup(version, (size_t)(second - version)) : xstrdup(version);
}

static bool is_version(const char *s)
{
	return *s && s[strspn(s, "0123456789.")] == '\0' && strlen(s) < 16;
}

/* Chooses the interpreter: python3 when it fits, else the python3.N that the app pins. */
static int choose_python(const struct detection *d, const struct python_app *app,
	char **ret_program, char **ret_version, struct err *err)
{
	const char *file = "";
	_cleanup_free_ char *pinned = pinned_version(d->source, &file);
	_cleanup_free_ char *minor = pinned && is_version(pinned) ? minor_of(pinned) : NULL;
	_cleanup_free_ char *have = d->tools->version(d->tools, "python3");
	_cleanup_free_ char *program = xstrdup("python3");

	if (minor && (!have || version_matches_npm(have, minor) == VERSION_NO)) {
		_cleanup_free_ char *other = xasprintf("python%s", minor);
		char *version = d->tools->version(d->tools, other);
		if (!version)
			return err_set(err, EINVAL,
				"%s asks for Python %s, this host has %s: install python%s on the host, or "
				"change %s",
				file, pinned, have ? have : "none", minor, file);
		free(program);
		program = take_ptr(other);
		free(have);
		have = version;
	}
	if (!have)
		return err_set(err, EINVAL,
			"Python is not installed on this host: apt install python3 python3-venv");
	if (app->requires_python &&
		version_matches_python(have, app->requires_python) == VERSION_NO)
		return err_set(err, EINVAL,
			"pyproject.toml requires Python %s, this host has %s: install a newer one, or "
			"relax requires-python",
			app->requires_python, have);
	plan_add_reason(d->plan, "Python %s%s%s", have, pinned ? ": " : "", pinned ? file : "");
	*ret_program = take_ptr(program);
	*ret_version = take_ptr(have);
	return 0;
}

static void plan_install(const struct detection *d, const struct python_app *app,
	const char *program, const char *version)
{
	static const char pip[] = ".venv/bin/python -m pip install --no-input --progress-bar off "
				  "--disable-pip-version-check";
	_cleanup_free_ char *what = NULL;

	if (app->install == PYTHON_INSTALL_REQUIREMENTS)
		what = xstrdup("-r requirements.txt");
	else if (app->install == PYTHON_INSTALL_DEPENDENCIES)
		what = xstrdup(app->dependencies);
	else if (app->install == PYTHON_INSTALL_PROJECT)
		what = xstrdup(".");
	_cleanup_free_ char *command =
		what ? xasprintf("%s -m venv .venv && %s %s", program, pip, what)
		     : xasprintf("%s -m venv --without-pip .venv", program);
	plan_add_cache(d->plan, "pip");
	plan_add_step(d->plan, what ? "install dependencies" : "make an environment", command);
	/* A package that is installed from the tree itself changes with every commit. */
	if (what && app->install != PYTHON_INSTALL_PROJECT && !app->packages.local) {
		_cleanup_free_ char *key = xasprintf(
			"%s-%016" PRIx64 "%016" PRIx64, version, app->hash[0], app->hash[1]);
		plan_keep_result(d->plan, ".venv", key);
	}
}

static bool has_django(const struct detection *d, const struct python_app *app)
{
	return source_has_file(d->source, "manage.py") &&
	       (requirements_has(&app->packages, "django") || app->packages.count == 0);
}

static int plan_script(const struct detection *d, struct err *err)
{
	const char *script = find_script(d->source);

	if (detection_has_command(d, "web") || d->procfile->count > 0 ||
		d->manifest->process_count > 0)
		return 0;
	if (!script)
		return err_set(err, EINVAL,
			"this is a Python app, but what to run is not known: name it in a Procfile (web: "
			"COMMAND)");
	_cleanup_free_ char *command = xasprintf("python %s", script);
	plan_set_command(
		plan_add_process(d->plan, streq(script, "bot.py") ? "worker" : "web"), command);
	plan_add_reason(d->plan, "runs %s: no framework found", script);
	return 0;
}

static int plan_processes(const struct detection *d, const struct python_app *app, struct err *err)
{
	bool found = false;

	if (has_django(d, app))
		return python_plan_django(d, app, err);
	int r = python_plan_web(d, app, &found, err);
	return r < 0 || found ? r : plan_script(d, err);
}

static void set_environment(struct plan *p)
{
	plan_set_env(p, "PYTHONUNBUFFERED", "1");
	plan_set_env(p, "PYTHONFAULTHANDLER", "1");
	plan_set_env(p, "PYTHONDONTWRITEBYTECODE", "1"); /* the release is read-only */
	plan_set_build_env(p, "PYTHONUNBUFFERED", "1");
	plan_set_build_env(p, "PIP_DISABLE_PIP_VERSION_CHECK", "1");
	plan_set_build_env(p, "PIP_ROOT_USER_ACTION", "ignore");
}

static int plan_app(const struct detection *d, const struct python_app *app, struct err *err)
{
	_cleanup_free_ char *program = NULL, *version = NULL;

	int r = choose_python(d, app, &program, &version, err);
	if (r < 0)
		return r;
	set_environment(d->plan);
	if (source_has_file(d->source, "uv.lock") || source_has_file(d->source, "poetry.lock"))
		plan_add_reason(d->plan,
			"the lock file is not read by this version: versions come from "
			"requirements.txt or pyproject.toml");
	plan_install(d, app, program, version);
	if (d->manifest->build.command)
		plan_add_step(d->plan, "build", d->manifest->build.command);
	return plan_processes(d, app, err);
}

static int plan(const struct detection *d, struct err *err)
{
	struct python_app app = {0};

	int r = refuse_unsupported(d->source, err);
	if (r == 0)
		r = python_read_app(d->source, &app, err);
	/* Front-end files are there before collectstatic looks for them. */
	if (r == 0)
		r = node_plan_assets(d, err);
	if (r == 0)
		r = plan_app(d, &app, err);
	python_app_free(&app);
	return r;
}

const struct builder builder_python = {"python", detect, plan};
