/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening repositories.
 */
#include "agent/git/repo.h"

#include <errno.h>
#include <sys/stat.h>

#include "agent/git/object.h"
#include "lib/base/str.h"

/* A window is mapped whole, so the default of 1 GB would meet our own RLIMIT_AS. */
#define WINDOW_BYTES (16u << 20)
#define WINDOWS_BYTES_MAX (128u << 20)

static void forget_config_files(void)
{
	static const git_config_level_t levels[] = {GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_PROGRAMDATA};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		(void)git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
}

int repo_init_library(struct err *err)
{
	if (git_libgit2_init() < 0)
		return repo_err(err, "cannot start libgit2");
	forget_config_files();
	(void)git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)WINDOW_BYTES);
	(void)git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)WINDOWS_BYTES_MAX);
	(void)git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
	(void)git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	/* We check hashes when a pack comes in; on the way out they cost a third of a checkout. */
	(void)git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	/* The agent's folder may belong to another user than the one who looks into it (root). */
	(void)git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	return 0;
}

int repo_err(struct err *err, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	char words[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	int code = last && last->klass == GIT_ERROR_NOMEMORY ? ENOMEM : EIO;
	return err_set(err, code, "%s: %s", words, last ? last->message : "unknown error");
}

int repo_open(const char *path, git_repository **ret, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0 && errno == ENOENT)
		return err_set(err, ENOENT, "there is no repository at %s", path);
	if (git_repository_open_bare(ret, path) < 0)
		return repo_err(err, "cannot open repository %s", path);
	return 0;
}

int repo_open_or_create(const char *path, git_repository **ret, struct err *err)
{
	git_repository_init_options options;
	int r = repo_open(path, ret, err);

	if (r != -ENOENT)
		return r;
	must(git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION) == 0);
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR;
	options.mode = 0700;
	options.initial_head = "main";
	if (git_repository_init_ext(ret, path, &options) < 0)
		return repo_err(err, "cannot create repository %s", path);
	return 0;
}

int repo_commit_tree(git_odb *odb, const git_oid *commit, git_oid *ret_tree, struct err *err)
{
	_cleanup_object_ git_odb_object *object = NULL;
	char id[IDENT_COMMIT_LEN + 1];

	if (git_odb_read(&object, odb, commit) < 0)
		return repo_err(err, "cannot read commit %s", git_oid_tostr_s(commit));
	if (git_odb_object_type(object) != GIT_OBJECT_COMMIT)
		return err_set(err, EBADMSG, "%s is not a commit", git_oid_tostr_s(commit));
	struct str rest = {git_odb_object_data(object), git_odb_object_size(object)};
	if (object_commit_tree(&rest, id) < 0 || git_oid_fromstr(ret_tree, id) < 0)
		return err_set(err, EBADMSG, "commit %s is malformed", git_oid_tostr_s(commit));
	return 0;
}
