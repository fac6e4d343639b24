/* SPDX-License-Identifier: Apache-2.0
 *
 * What is left out of a snapshot although no .gitignore says so: files that hold secrets, installed
 * packages and caches. The rules apply to files that git does not track; what is committed is
 * deployed, whatever its name.
 */
#include <errno.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include "cli/git_internal.h"
#include "lib/base/str.h"

struct rule {
	const char *pattern; /* of a name, at any depth */
	const char *if_present; /* holds only when the folder has this file; NULL: always */
};

static const struct rule rules[] = {
	{".env", NULL},
	{".env.*", NULL},
	{"node_modules", NULL},
	{".venv", NULL},
	{"venv", NULL},
	{"__pycache__", NULL},
	{"*.pyc", NULL},
	{".pytest_cache", NULL},
	{".mypy_cache", NULL},
	{".tox", NULL},
	{".hg", NULL},
	{".svn", NULL},
	{".DS_Store", NULL},
	{".idea", NULL},
	{".direnv", NULL},
	{".next", "package.json"},
	{".nuxt", "package.json"},
	{"target", "Cargo.toml"},
	{"target", "pom.xml"},
	{"id_rsa", NULL},
	{"id_ed25519", NULL},
};

/* Files that show others what to put into their .env. */
static const char *const exceptions[] = {
	".env.example", ".env.sample", ".env.template", ".env.dist"};

static bool applies(const struct source *s, const struct rule *rule)
{
	struct stat st;

	if (!rule->if_present)
		return true;
	_cleanup_free_ char *path = xasprintf("%s/%s", s->folder, rule->if_present);
	return stat(path, &st) == 0;
}

int source_ignore_rules(struct source *s, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (applies(s, &rules[i]) && git_ignore_add_rule(s->repo, rules[i].pattern) < 0)
			return source_err(err, "cannot add an ignore rule");
	for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++) {
		_cleanup_free_ char *rule = xasprintf("!%s", exceptions[i]);
		if (git_ignore_add_rule(s->repo, rule) < 0)
			return source_err(err, "cannot add an ignore rule");
	}
	return 0;
}

static bool is_ours(const struct source *s, const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	size_t n = strlen(copy);

	if (n > 0 && copy[n - 1] == '/')
		copy[n - 1] = '\0';
	const char *slash = strrchr(copy, '/');
	const char *name = slash ? slash + 1 : copy;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (applies(s, &rules[i]) && fnmatch(rules[i].pattern, name, FNM_PERIOD) == 0)
			return true;
	return false;
}

static int on_status(const char *path, unsigned flags, void *data)
{
	struct source *s = data;

	if (!(flags & GIT_STATUS_IGNORED) || !has_prefix(path, s->prefix) || !is_ours(s, path))
		return 0;
	if (s->commit.left_out_count < SOURCE_LEFT_OUT_MAX)
		s->left_out[s->commit.left_out_count++] = xstrdup(path + strlen(s->prefix));
	s->commit.left_out_total++;
	return 0;
}

int source_list_left_out(struct source *s, struct err *err)
{
	git_status_options options;

	must(git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION) == 0);
	options.show = GIT_STATUS_SHOW_WORKDIR_ONLY;
	options.flags = GIT_STATUS_OPT_INCLUDE_IGNORED | GIT_STATUS_OPT_INCLUDE_UNTRACKED |
			GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS | GIT_STATUS_OPT_NO_REFRESH;
	for (size_t i = 0; i < ARRAY_SIZE(s->left_out); i++) {
		free(s->left_out[i]);
		s->left_out[i] = NULL;
	}
	s->commit.left_out_count = s->commit.left_out_total = 0;
	s->commit.left_out = (const char *const *)s->left_out;
	if (git_status_foreach_ext(s->repo, &options, on_status, s) < 0)
		return source_err(err, "cannot list the files of %s", s->folder);
	return 0;
}
