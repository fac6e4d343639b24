/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder and its berth.yaml.
 */
#include "cli/project.h"

#include <errno.h>
#include <limits.h>

#include "lib/base/str.h"
#include "lib/data/manifest.h"
#include "lib/data/yaml.h"
#include "lib/sys/file.h"

static bool has_entry(const char *dir, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", streq(dir, "/") ? "" : dir, name);
	return file_exists(path);
}

/* Cuts the last part off; false at the root. */
static bool go_up(char *dir)
{
	char *slash = strrchr(dir, '/');
	if (!slash || streq(dir, "/"))
		return false;
	slash[slash == dir] = 0;
	return true;
}

int project_find(const char *dir, struct project *ret, struct err *err)
{
	_cleanup_free_ char *start = realpath(dir ? dir : ".", NULL);
	if (!start)
		return err_errno(err, errno, "cannot go to %s", dir ? dir : "the current folder");
	if (dir && chdir(start) < 0)
		return err_errno(err, errno, "cannot go to %s", dir);
	_cleanup_free_ char *at = xstrdup(start);
	*ret = (struct project){0};
	for (;;) {
		if (has_entry(at, MANIFEST_FILE)) {
			ret->manifest_path =
				xasprintf("%s/%s", streq(at, "/") ? "" : at, MANIFEST_FILE);
			ret->dir = take_ptr(at);
			return 0;
		}
		if (has_entry(at, ".git") || !go_up(at))
			break;
	}
	ret->dir = take_ptr(start);
	return 0;
}

void project_clear(struct project *p)
{
	free(p->dir);
	free(p->manifest_path);
	*p = (struct project){0};
}

/* How errors call the file: relative to where the person stands, when it is right there. */
static const char *shown_path(const struct project *p)
{
	char cwd[PATH_MAX];
	if (getcwd(cwd, sizeof cwd) && streq(cwd, p->dir))
		return MANIFEST_FILE;
	return p->manifest_path;
}

int project_check(const struct project *p, char **ret_app, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	size_t len;
	*ret_app = NULL;
	if (!p->manifest_path)
		return 0;
	int r = file_read(p->manifest_path, YAML_BYTES_MAX, &text, &len, err);
	if (r == 0)
		r = manifest_parse(shown_path(p), text, len, &m, err);
	if (r == 0 && m->app)
		*ret_app = xstrdup(m->app);
	return r;
}

void project_name_from_folder(const char *dir, char to[IDENT_APP_MAX + 1])
{
	static const char prefix[] = "app-";
	const char *name = strrchr(dir, '/');
	size_t n = 0;
	name = name ? name + 1 : dir;
	for (; *name && n < IDENT_APP_MAX; name++) {
		char c = *name;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (n == 0 && c >= '0' && c <= '9') {
			memcpy(to, prefix, sizeof prefix - 1);
			n = sizeof prefix - 1;
		}
		if (is_word)
			to[n++] = c;
		else if (n > 0 && to[n - 1] != '-')
			to[n++] = '-';
	}
	while (n > 0 && to[n - 1] == '-')
		n--;
	to[n] = 0;
	if (n == 0)
		memcpy(to, "app", sizeof "app");
}
