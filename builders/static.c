/* SPDX-License-Identifier: Apache-2.0
 *
 * Static sites: a folder with an index.html, served by the proxy. No process, no steps but the
 * author's own build command.
 */
#include <errno.h>

#include "builders/builder.h"
#include "lib/base/str.h"

static const char *const folders[] = {"public", "dist", "_site", "site", "build"};

const char *static_folder(const struct source *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *index = xasprintf("%s/index.html", folders[i]);
		if (source_has_file(s, index))
			return folders[i];
	}
	return source_has_file(s, "index.html") ? "." : NULL;
}

/* A value of Heroku's Staticfile ("root: dist"), owned by the caller. */
static char *staticfile_value(const struct source *s, const char *key)
{
	_cleanup_free_ char *text = source_text(s, "Staticfile", NULL);
	struct str rest = str_from(text), line;

	while (text && str_split(&rest, '\n', &line)) {
		const char *colon = memchr(line.p, ':', line.len);
		if (!colon || !str_eq(str_trim((struct str){line.p, (size_t)(colon - line.p)}),
				      str_from(key)))
			continue;
		struct str value = {colon + 1, (size_t)(line.p + line.len - colon - 1)};
		if (value.len > 0 && value.p[value.len - 1] == '\r')
			value.len--;
		value = str_trim(value);
		while (value.len > 1 && value.p[value.len - 1] == '/')
			value.len--;
		return str_dup(value);
	}
	return NULL;
}

static bool manifest_serves_root(const struct detection *d)
{
	for (size_t i = 0; i < d->manifest->static_count; i++)
		if (streq(d->manifest->statics[i].prefix, "/"))
			return true;
	return false;
}

static const char *detect(const struct detection *d)
{
	if (manifest_serves_root(d))
		return "berth.yaml serves a folder at /";
	if (source_has_file(d->source, "Staticfile"))
		return "Staticfile";
	const char *folder = static_folder(d->source);
	if (!folder)
		return NULL;
	return streq(folder, ".") ? "index.html" : "a folder with an index.html";
}

static int plan_staticfile(const struct detection *d, char *root, struct err *err)
{
	_cleanup_free_ char *fallback = staticfile_value(d->source, "index_fallback");

	if (!manifest_is_inner_path(root))
		return err_set(err, EINVAL, "Staticfile: root must be a folder inside the app");
	if (!source_has_dir(d->source, root) && !d->manifest->build.command)
		return err_set(err, EINVAL, "Staticfile: the folder %s does not exist", root);
	plan_add_static(d->plan, "/", root, streq(fallback, "true") ? "index.html" : NULL);
	plan_add_reason(d->plan, "serves %s: Staticfile", root);
	return 0;
}

static int plan(const struct detection *d, struct err *err)
{
	_cleanup_free_ char *root = staticfile_value(d->source, "root");

	if (d->manifest->build.command)
		plan_add_step(d->plan, "build", d->manifest->build.command);
	if (manifest_serves_root(d))
		return 0; /* detect.c puts the manifest's folders in */
	if (root)
		return plan_staticfile(d, root, err);
	const char *folder = static_folder(d->source);
	if (!folder)
		return err_set(err, EINVAL,
			"no folder with an index.html: looked in public, dist, _site, site, build and "
			"the root; name one in berth.yaml: static: {/: FOLDER}");
	plan_add_static(d->plan, "/", folder, NULL);
	plan_add_reason(d->plan, "serves %s: it has an index.html",
		streq(folder, ".") ? "the whole folder" : folder);
	return 0;
}

const struct builder builder_static = {"static", detect, plan};
