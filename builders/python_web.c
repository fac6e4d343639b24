/* SPDX-License-Identifier: Apache-2.0
 *
 * Which framework a Python app uses and which server runs it. All listen on a UNIX socket, so the
 * forwarded headers come from the proxy alone and can be trusted.
 */
#include <errno.h>

#include "builders/python.h"
#include "lib/base/str.h"

enum interface { ASGI, WSGI };

struct framework {
	const char *package, *name;
	enum interface interface;
	const char *classes[3];
};

/* Those that stand on Starlette come before it; asgi before wsgi. */
static const struct framework frameworks[] = {
	{"fastapi", "fastapi", ASGI, {"FastAPI"}},
	{"litestar", "litestar", ASGI, {"Litestar"}},
	{"quart", "quart", ASGI, {"Quart"}},
	{"python-fasthtml", "fasthtml", ASGI, {"FastHTML"}},
	{"starlette", "starlette", ASGI, {"Starlette"}},
	{"flask", "flask", WSGI, {"Flask"}},
	{"falcon", "falcon", WSGI, {"App"}},
	{"bottle", "bottle", WSGI, {"Bottle"}},
};

static char *object_spec(const struct python_object *o, bool call)
{
	return xasprintf(call && o->factory ? "'%s:%s()'" : "%s:%s", o->module, o->name);
}

static char *uvicorn_command(const struct python_object *o)
{
	return xasprintf("uvicorn --uds \"$LISTEN\" --proxy-headers --forwarded-allow-ips='*' "
			 "%s%s%s%s%s:%s",
		o->app_dir ? "--app-dir " : "", o->app_dir ? o->app_dir : "", o->app_dir ? " " : "",
		o->factory ? "--factory " : "", o->module, o->name);
}

static char *asgi_command(const struct python_app *app, const struct python_object *o)
{
	const struct requirements *r = &app->packages;
	_cleanup_free_ char *spec = object_spec(o, true);
	_cleanup_free_ char *path =
		o->app_dir ? xasprintf("PYTHONPATH=%s ", o->app_dir) : xstrdup("");

	if (requirements_has(r, "uvicorn"))
		return uvicorn_command(o);
	if (requirements_has(r, "hypercorn"))
		return xasprintf("%shypercorn --bind \"unix:$LISTEN\" %s", path, spec);
	if (requirements_has(r, "granian"))
		return xasprintf("%sgranian --interface asgi --uds \"$LISTEN\"%s %s:%s", path,
			o->factory ? " --factory" : "", o->module, o->name);
	if (requirements_has(r, "daphne") && !o->factory)
		return xasprintf("%sdaphne -u \"$LISTEN\" %s", path, spec);
	/* fastapi[standard] and litestar[standard] bring uvicorn; so does what an app's own
	 * packages may need. Whether it is there is checked after the install. */
	return uvicorn_command(o);
}

static char *wsgi_command(const struct python_app *app, const struct python_object *o)
{
	_cleanup_free_ char *spec = object_spec(o, true);
	_cleanup_free_ char *path =
		o->app_dir ? xasprintf("--pythonpath %s ", o->app_dir) : xstrdup("");
	const struct requirements *r = &app->packages;

	if (requirements_has(r, "gunicorn"))
		return xasprintf(
			"gunicorn --bind \"unix:$LISTEN\" --access-logfile - %s%s", path, spec);
	if (requirements_has(r, "waitress"))
		return xasprintf("%s%s%swaitress-serve --unix-socket=\"$LISTEN\" %s%s:%s",
			o->app_dir ? "PYTHONPATH=" : "", o->app_dir ? o->app_dir : "",
			o->app_dir ? " " : "", o->factory ? "--call " : "", o->module, o->name);
	return NULL;
}

static int plan_framework(const struct detection *d, const struct python_app *app,
	const struct framework *f, const struct python_object *o, struct err *err)
{
	_cleanup_free_ char *command =
		f->interface == ASGI ? asgi_command(app, o) : wsgi_command(app, o);

	d->plan->framework = xstrdup(f->name);
	if (detection_has_command(d, "web"))
		return 0;
	if (!command)
		return err_set(err, EINVAL,
			"a %s app needs a server to run under: add gunicorn to requirements.txt, or say "
			"what to run in a Procfile (web: COMMAND)",
			f->name);
	plan_set_command(plan_add_process(d->plan, "web"), command);
	plan_add_reason(d->plan, "%s: %s in %s%s%s", f->name, o->name, o->app_dir ? o->app_dir : "",
		o->app_dir ? "/" : "", o->module);
	/* Two workers use both of a small host's cores and still fit beside each other. */
	if (f->interface == WSGI)
		plan_set_env(d->plan, "WEB_CONCURRENCY", "2");
	return 0;
}

/* [tool.fastapi] entrypoint = "pkg.mod:app" */
static bool entrypoint_object(const struct python_app *app, struct python_object *o)
{
	const char *colon = app->fastapi_entrypoint ? strchr(app->fastapi_entrypoint, ':') : NULL;

	if (!colon)
		return false;
	for (const char *p = app->fastapi_entrypoint; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:",
			    *p))
			return false;
	*o = (struct python_object){
		.module = xstrndup(
			app->fastapi_entrypoint, (size_t)(colon - app->fastapi_entrypoint)),
		.name = xstrdup(colon + 1),
	};
	return true;
}

int python_plan_web(
	const struct detection *d, const struct python_app *app, bool *ret_found, struct err *err)
{
	const struct framework *named = NULL;

	*ret_found = false;
	for (size_t i = 0; i < ARRAY_SIZE(frameworks); i++) {
		const struct framework *f = &frameworks[i];
		struct python_object o = {0};
		if (!requirements_has(&app->packages, f->package))
			continue;
		named = named ? named : f;
		if (!(streq(f->name, "fastapi") && entrypoint_object(app, &o)) &&
			!python_find_object(d->source, f->classes, &o))
			continue;
		*ret_found = true;
		int r = plan_framework(d, app, f, &o, err);
		python_object_free(&o);
		return r;
	}
	if (named)
		d->plan->framework = xstrdup(named->name);
	if (!named || detection_has_command(d, "web"))
		return 0;
	plan_add_reason(d->plan,
		"%s is asked for, but no app object was found in main.py, app.py, ...",
		named->name);
	return 0;
}
