/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding and opening the repository of a folder.
 */
#include "cli/git.h"

#include <errno.h>
#include <fcntl.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/git_internal.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

#define STAND_IN_BYTES_MAX ((int64_t)1 << 30)
#define OWN_OBJECTS_PRIORITY 100 /* above libgit2's own backends (1 and 2): writes go there */

int source_err(struct err *err, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	char words[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	return err_set(err, EIO, "%s: %s", words, last ? last->message : "unknown error");
}

static int init_library(struct err *err)
{
	static bool is_done;

	if (is_done)
		return 0;
	if (git_libgit2_init() < 0)
		return source_err(err, "cannot start libgit2");
	/* We run nothing that a repository could name, so a checkout that belongs to somebody else,
	 * as in many CI containers, is no danger. */
	(void)git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	is_done = true;
	return 0;
}

/* Where the stand-in of a folder without git is kept, so that unchanged files are not sent again. */
static int stand_in_path(const char *folder, char **ret, struct err *err)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe): one thread */
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	/* NOLINTEND(concurrency-mt-unsafe) */
	git_oid hash;

	if ((!cache || cache[0] != '/') && (!home || home[0] != '/'))
		return err_set(
			err, ENOENT, "HOME is not set; set it, or run git init in %s", folder);
	if (git_odb_hash(&hash, folder, strlen(folder), GIT_OBJECT_BLOB) < 0)
		return source_err(err, "cannot hash a path");
	bool has_cache = cache && cache[0] == '/';
	*ret = xasprintf("%s%s/berth/%s.git", has_cache ? cache : home, has_cache ? "" : "/.cache",
		git_oid_tostr_s(&hash));
	return 0;
}

static int open_stand_in(struct source *s, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	git_repository_init_options options;
	int r = stand_in_path(s->folder, &path, err);

	if (r < 0)
		return r;
	must(git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION) == 0);
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
	options.mode = 0700;
	s->is_private = true;
	s->prefix = xstrdup("");
	/* Every version of every file is in it; it is a cache, so starting again loses only time. */
	if (file_tree_bytes(path) > STAND_IN_BYTES_MAX)
		(void)file_remove_tree(path, NULL);
	if (git_repository_init_ext(&s->repo, path, &options) < 0)
		return source_err(err, "cannot create %s", path);
	if (git_repository_set_workdir(s->repo, s->folder, 0) < 0)
		return source_err(err, "cannot use folder %s", s->folder);
	return 0;
}

static int open_failed(const char *path, struct err *err)
{
	const git_error *last = git_error_last();

	if (last && strstr(last->message, "objectformat"))
		return err_set(err, EINVAL,
			"the repository at %s uses SHA-256 object names, which are not supported; "
			"make a SHA-1 one (git init --object-format=sha1) and commit the files there",
			path);
	return source_err(err, "cannot open the repository at %s", path);
}

/* The folder's place in the work tree. */
static int find_prefix(struct source *s, struct err *err)
{
	const char *top = git_repository_workdir(s->repo);
	_cleanup_free_ char *real = top ? realpath(top, NULL) : NULL;

	if (!real)
		return err_set(err, EINVAL,
			"the repository around %s is bare; run this in a work tree of it",
			s->folder);
	size_t n = strlen(real);
	if (streq(s->folder, real))
		s->prefix = xstrdup("");
	else if (has_prefix(s->folder, real) && s->folder[n] == '/')
		s->prefix = xasprintf("%s/", s->folder + n + 1);
	else
		return err_set(
			err, EINVAL, "folder %s is not in the work tree %s", s->folder, real);
	return 0;
}

/* A home folder can be a repository (of dotfiles) that ignores the projects in it. */
static bool is_ignored_by_outer(const struct source *s)
{
	int is_ignored = 0;

	return s->prefix[0] != '\0' &&
	       git_ignore_path_is_ignored(&is_ignored, s->repo, s->prefix) == 0 && is_ignored;
}

static int open_around(struct source *s, const char *git_dir, struct err *err)
{
	if (git_repository_open(&s->repo, git_dir) < 0)
		return open_failed(git_dir, err);
	int r = find_prefix(s, err);
	if (r == 0 && is_ignored_by_outer(s)) {
		git_repository_free(s->repo);
		free(s->prefix);
		s->repo = NULL;
		s->prefix = NULL;
		return -ENOENT;
	}
	s->commit.subfolder = r == 0 && s->prefix[0] != '\0';
	s->commit.shallow = git_repository_is_shallow(s->repo) == 1;
	return r;
}

static int open_source(struct source *s, struct err *err)
{
	git_buf found = {0};
	int r = git_repository_discover(&found, s->folder, 0, NULL) == 0 ? 0 : -ENOENT;

	if (r == 0)
		r = open_around(s, found.ptr, err);
	git_buf_dispose(&found);
	return r == -ENOENT ? open_stand_in(s, err) : r;
}

int source_open(const char *folder, struct source **ret, struct err *err)
{
	struct stat st;
	int r = init_library(err);

	if (r < 0)
		return r;
	_cleanup_free_ char *real = realpath(folder, NULL);
	if (!real || stat(real, &st) < 0)
		return err_errno(err, errno, "cannot read folder %s", folder);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "%s is not a folder", folder);
	struct source *s = xnew(struct source);
	s->folder = take_ptr(real);
	r = open_source(s, err);
	if (r < 0) {
		source_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	git_odb_free(s->odb);
	git_repository_free(s->repo);
	if (s->temporary)
		(void)file_remove_tree(s->temporary, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(s->left_out); i++)
		free(s->left_out[i]);
	free(s->temporary);
	free(s->folder);
	free(s->prefix);
	free(s->branch);
	free(s->message);
	free(s->author);
	free(s);
}

bool source_is_repository(const struct source *s)
{
	return !s->is_private;
}

const char *source_branch(const struct source *s)
{
	struct source *own = (struct source *)(uintptr_t)s; /* a cache in it */
	git_reference *head = NULL;

	if (s->branch || s->is_private || git_reference_lookup(&head, s->repo, "HEAD") < 0)
		return s->branch;
	const char *target = git_reference_symbolic_target(head);
	if (target && has_prefix(target, "refs/heads/"))
		own->branch = xstrdup(target + strlen("refs/heads/"));
	git_reference_free(head);
	return s->branch;
}

/* libgit2 touches an object that it would write and finds: not the person's. */
static void make_read_only(git_odb *odb)
{
	for (size_t i = 0; i < git_odb_num_backends(odb); i++) {
		git_odb_backend *b = NULL;
		if (git_odb_get_backend(&b, odb, i) < 0)
			continue;
		b->freshen = NULL;
		b->write = NULL;
		b->writestream = NULL;
		b->writepack = NULL;
	}
}

static int open_layered_objects(struct source *s, struct err *err)
{
	_cleanup_free_ char *own = xasprintf("%s/objects", s->temporary);
	git_odb_backend *loose = NULL;
	git_buf theirs = {0};

	int r = git_repository_item_path(&theirs, s->repo, GIT_REPOSITORY_ITEM_OBJECTS);
	if (r == 0)
		r = git_odb_open(&s->odb, theirs.ptr);
	git_buf_dispose(&theirs);
	if (r < 0)
		return source_err(err, "cannot read the repository's objects");
	make_read_only(s->odb);
	if (mkdir(own, 0700) < 0)
		return err_errno(err, errno, "cannot create %s", own);
	/* Level 1: these objects live for one push. */
	if (git_odb_backend_loose(&loose, own, 1, 0, 0700, 0600) < 0 ||
		git_odb_add_backend(s->odb, loose, OWN_OBJECTS_PRIORITY) < 0 ||
		git_repository_set_odb(s->repo, s->odb) < 0)
		return source_err(err, "cannot prepare a place for objects");
	return 0;
}

int source_isolate(struct source *s, struct err *err)
{
	const char *place = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */

	if (s->odb)
		return 0;
	_cleanup_free_ char *path =
		xasprintf("%s/berth-XXXXXX", place && place[0] == '/' ? place : "/tmp");
	if (!mkdtemp(path))
		return err_errno(err, errno, "cannot create a folder like %s", path);
	s->temporary = take_ptr(path);
	/* The stand-in is ours: what is written to it need not be written again next time. */
	if (s->is_private)
		return git_repository_odb(&s->odb, s->repo) < 0
			       ? source_err(err, "cannot read the stand-in repository")
			       : 0;
	return open_layered_objects(s, err);
}

char *source_describe(const struct source_commit *c)
{
	json_t *o = json_object();
	const struct {
		const char *key, *value;
	} texts[] = {
		{"commit", c->head[0] ? c->head : c->commit},
		{"branch", c->branch},
		{"message", c->message},
		{"author", c->author},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		/* Fails for what is not UTF-8 (old commit encodings), which is then left out. */
		if (texts[i].value)
			(void)json_object_set_new(o, texts[i].key, json_string(texts[i].value));
	(void)json_object_set_new(o, "dirty", json_boolean(c->dirty));
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	must(text);
	return text;
}
