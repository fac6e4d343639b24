/* SPDX-License-Identifier: Apache-2.0
 *
 * Django: manage.py leads to the settings, the settings to the WSGI or ASGI application and to the
 * static files. Migrations are the author's to name (release:), never run unasked.
 */
#include <ctype.h>
#include <errno.h>

#include "builders/python.h"
#include "lib/base/str.h"

#define SETTINGS_FILES_MAX 16

struct django {
	char *settings_dir; /* "shop", "config/settings": the folder that settings are in */
	char *wsgi, *asgi; /* "shop.wsgi:application" */
	char *static_root; /* folder in the app, NULL when not set or not known */
	bool collects; /* STATIC_ROOT is set, known or not */
	char *static_prefix; /* "/static" */
};

/* The first text in quotes of a Python expression, owned by the caller; how many there are. */
static char *quoted(const char *expression, unsigned *ret_count)
{
	char *first = NULL;
	unsigned count = 0;

	for (const char *p = expression; (p = strpbrk(p, "'\"#")) != NULL && *p != '#';) {
		const char *end = strchr(p + 1, *p);
		if (!end)
			break;
		if (count++ == 0)
			first = xstrndup(p + 1, (size_t)(end - p - 1));
		p = end + 1;
	}
	if (ret_count)
		*ret_count = count;
	return first;
}

/* "shop.wsgi.application" to "shop.wsgi:application"; NULL when it is not such a name. */
static char *application_spec(const char *expression)
{
	_cleanup_free_ char *dotted = expression ? quoted(expression, NULL) : NULL;
	char *dot = dotted ? strrchr(dotted, '.') : NULL;

	if (!dot || dot == dotted)
		return NULL;
	for (const char *p = dotted; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '.')
			return NULL;
	*dot = ':';
	return xstrdup(dotted);
}

/* How often BASE_DIR goes up from the settings file; the app's root when that is its depth. */
static unsigned steps_up(const char *base_dir)
{
	unsigned n = 0;

	for (const char *p = base_dir; (p = strstr(p, ".parent")) != NULL; p += 7) {
		if (has_prefix(p, ".parents["))
			return (unsigned)strtoul(p + 9, NULL, 10) + 1;
		n++;
	}
	if (n > 0)
		return n;
	for (const char *p = base_dir; (p = strstr(p, "dirname(")) != NULL; p += 8)
		n++;
	return n;
}

static unsigned depth_of(const char *path)
{
	unsigned n = 1;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static void read_static_root(struct django *dj, const char *text, const char *file)
{
	_cleanup_free_ char *root = python_scan_setting(text, "STATIC_ROOT");
	_cleanup_free_ char *base = python_scan_setting(text, "BASE_DIR");
	unsigned count = 0;

	if (!root || has_prefix(root, "None"))
		return;
	dj->collects = true;
	_cleanup_free_ char *dir = quoted(root, &count);
	if (!dir || count != 1 || !manifest_is_inner_path(dir) || !strstr(root, "BASE_DIR"))
		return;
	/* Only when BASE_DIR surely is the app's root is it known which folder that is. */
	if (!base || steps_up(base) != depth_of(file))
		return;
	free(dj->static_root);
	dj->static_root = take_ptr(dir);
}

static void read_settings(struct django *dj, const char *text, const char *file)
{
	_cleanup_free_ char *wsgi = python_scan_setting(text, "WSGI_APPLICATION");
	_cleanup_free_ char *asgi = python_scan_setting(text, "ASGI_APPLICATION");
	_cleanup_free_ char *url = python_scan_setting(text, "STATIC_URL");
	_cleanup_free_ char *prefix = url ? quoted(url, NULL) : NULL;

	if (!dj->wsgi)
		dj->wsgi = application_spec(wsgi);
	if (!dj->asgi)
		dj->asgi = application_spec(asgi);
	read_static_root(dj, text, file);
	if (!prefix || strstr(prefix, "://") || strlen(prefix) < 2)
		return;
	size_t len = strlen(prefix);
	free(dj->static_prefix);
	dj->static_prefix = xasprintf("%s%.*s", prefix[0] == '/' ? "" : "/",
		(int)(prefix[len - 1] == '/' ? len - 1 : len), prefix);
}

/* The folder of DJANGO_SETTINGS_MODULE, from manage.py: "shop.settings" is in "shop". */
static char *settings_dir(const struct source *s)
{
	_cleanup_free_ char *text = source_text(s, "manage.py", NULL);
	const char *at = text ? strstr(text, "DJANGO_SETTINGS_MODULE") : NULL;
	const char *comma = at ? strchr(at, ',') : NULL;
	_cleanup_free_ char *line = comma ? xstrndup(comma, strcspn(comma, "\n)")) : NULL;
	char *module = line ? quoted(line, NULL) : NULL;

	if (!module)
		return NULL;
	for (char *p = module; *p; p++)
		if (*p == '.')
			*p = '/';
	/* A settings package is a folder itself, a module is in one. */
	if (!source_has_dir(s, module)) {
		char *slash = strrchr(module, '/');
		if (slash)
			*slash = '\0';
	}
	if (!manifest_is_inner_path(module)) {
		free(module);
		return NULL;
	}
	return module;
}

/* Every settings*.py of the folder, or all files of a settings package: base.py, production.py. */
static void read_all_settings(const struct source *s, struct django *dj)
{
	_cleanup_names_ struct source_names names = {0};
	bool package = strstr(dj->settings_dir, "settings") != NULL;
	unsigned read = 0;

	source_list(s, dj->settings_dir, &names);
	for (size_t i = 0; i < names.count && read < SETTINGS_FILES_MAX; i++) {
		if (!has_suffix(names.names[i], ".py") ||
			!(package || has_prefix(names.names[i], "settings")))
			continue;
		_cleanup_free_ char *path = xasprintf("%s/%s", dj->settings_dir, names.names[i]);
		_cleanup_free_ char *text = source_text(s, path, NULL);
		if (text) {
			read_settings(dj, text, path);
			read++;
		}
	}
}

/* Without WSGI_APPLICATION, the wsgi.py beside the settings is it. */
static void guess_application(const struct source *s, struct django *dj)
{
	_cleanup_free_ char *top = xstrndup(dj->settings_dir, strcspn(dj->settings_dir, "/"));
	_cleanup_free_ char *file = xasprintf("%s/wsgi.py", top);

	if (!dj->wsgi && !dj->asgi && source_has_file(s, file))
		dj->wsgi = xasprintf("%s.wsgi:application", top);
}

static void plan_collectstatic(const struct detection *d, const struct django *dj)
{
	if (!dj->collects)
		return;
	const char *dir = dj->static_root;
	_cleanup_free_ char *command = xasprintf("%s%s%s[ -n \"$DISABLE_COLLECTSTATIC\" ] || "
						 "python manage.py collectstatic --noinput",
		dir ? "mkdir -p '" : "", dir ? dir : "", dir ? "' && { " : "");
	_cleanup_free_ char *whole = dir ? xasprintf("%s; }", command) : xstrdup(command);
	plan_add_step(d->plan, "collect static files", whole);
	if (!dir || !dj->static_prefix || strchr(dir, '\''))
		return;
	plan_add_static(d->plan, dj->static_prefix, dir, NULL);
	plan_add_reason(d->plan, "%s is served from %s: STATIC_ROOT", dj->static_prefix, dir);
}

static char *web_command(const struct python_app *app, const struct django *dj)
{
	const struct requirements *r = &app->packages;

	if (dj->wsgi && requirements_has(r, "gunicorn"))
		return xasprintf(
			"gunicorn --bind \"unix:$LISTEN\" --access-logfile - %s", dj->wsgi);
	if (dj->asgi && requirements_has(r, "uvicorn"))
		return xasprintf("uvicorn --uds \"$LISTEN\" --proxy-headers "
				 "--forwarded-allow-ips='*' %s",
			dj->asgi);
	if (dj->asgi && requirements_has(r, "hypercorn"))
		return xasprintf("hypercorn --bind \"unix:$LISTEN\" %s", dj->asgi);
	if (dj->asgi && requirements_has(r, "daphne"))
		return xasprintf("daphne -u \"$LISTEN\" %s", dj->asgi);
	if (dj->wsgi && requirements_has(r, "waitress"))
		return xasprintf("waitress-serve --unix-socket=\"$LISTEN\" %s", dj->wsgi);
	return NULL;
}

static int plan_web(const struct detection *d, const struct python_app *app,
	const struct django *dj, struct err *err)
{
	_cleanup_free_ char *command = web_command(app, dj);

	if (detection_has_command(d, "web"))
		return 0;
	if (!dj->wsgi && !dj->asgi)
		return err_set(err, EINVAL,
			"manage.py found, but no WSGI_APPLICATION in the settings that it names: say what "
			"to run in a Procfile (web: gunicorn PROJECT.wsgi)");
	if (!command)
		return err_set(err, EINVAL,
			"a Django app needs a server to run under: add gunicorn to requirements.txt "
			"(manage.py runserver is for development only)");
	plan_set_command(plan_add_process(d->plan, "web"), command);
	plan_add_reason(d->plan, "django: manage.py and %s", dj->wsgi ? dj->wsgi : dj->asgi);
	plan_set_env(d->plan, "WEB_CONCURRENCY", "2");
	return 0;
}

int python_plan_django(const struct detection *d, const struct python_app *app, struct err *err)
{
	struct django dj = {.settings_dir = settings_dir(d->source)};

	d->plan->framework = xstrdup("django");
	if (dj.settings_dir) {
		read_all_settings(d->source, &dj);
		guess_application(d->source, &dj);
	}
	int r = plan_web(d, app, &dj, err);
	if (r == 0)
		plan_collectstatic(d, &dj);
	free(dj.settings_dir);
	free(dj.wsgi);
	free(dj.asgi);
	free(dj.static_root);
	free(dj.static_prefix);
	return r;
}
