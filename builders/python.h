/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the Python builder share: the app's packages and settings, the search for the
 * object that a server serves, and the rules of the frameworks. User code is read, never imported.
 */
#ifndef BERTH_BUILDERS_PYTHON_H
#define BERTH_BUILDERS_PYTHON_H

#include "builders/builder.h"
#include "builders/requirements.h"

enum python_install {
	PYTHON_INSTALL_NOTHING, /* a script that needs nothing but Python */
	PYTHON_INSTALL_REQUIREMENTS, /* requirements.txt */
	PYTHON_INSTALL_DEPENDENCIES, /* pyproject.toml's, the code runs where it is */
	PYTHON_INSTALL_PROJECT, /* pyproject.toml says that it is a package: pip install . */
};

struct python_app {
	enum python_install install;
	struct requirements packages;
	char *requires_python; /* from pyproject.toml, or NULL */
	char *fastapi_entrypoint; /* [tool.fastapi] entrypoint, or NULL */
	char *dependencies; /* quoted for a shell, for PYTHON_INSTALL_DEPENDENCIES */
	bool has_project, has_poetry, has_build_system; /* in pyproject.toml */
	uint64_t hash[2]; /* of every file that says what to install */
};

/* Reads requirements.txt with its includes and pyproject.toml. */
int python_read_app(const struct source *s, struct python_app *app, struct err *err);
void python_app_free(struct python_app *app);

/* Where the object is: `cd app_dir; module:object`. */
struct python_object {
	char *app_dir; /* "src", NULL for the root */
	char *module; /* "app.main" */
	char *name; /* "app", "create_app" */
	bool factory; /* has to be called */
};

/* Looks for a top-level `NAME = Class(` of one of `classes` (NULL-terminated) in the files where
 * frameworks look; false when there is none. */
bool python_find_object(
	const struct source *s, const char *const *classes, struct python_object *ret);
/* The name in one text, owned by the caller, or NULL. Pure; `factory` as above. */
char *python_scan_object(const char *text, const char *const *classes, bool *ret_factory);
void python_object_free(struct python_object *o);

/* Sets the web process by the rules of the app's framework. *ret_found is false when no framework
 * is recognised; -EINVAL with words when one is, but cannot be served. */
int python_plan_web(
	const struct detection *d, const struct python_app *app, bool *ret_found, struct err *err);
/* The same for Django, with its collectstatic step. Needs manage.py. */
int python_plan_django(const struct detection *d, const struct python_app *app, struct err *err);

/* The text of `key = "..."` at the start of a line of a Python file, owned by the caller. */
char *python_scan_setting(const char *text, const char *key);

#endif
