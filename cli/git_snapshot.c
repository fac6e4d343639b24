/* SPDX-License-Identifier: Apache-2.0
 *
 * The commit of what is in the folder now. Its index is a copy of the person's, whose stat data
 * spares reading unchanged files. A snapshot has a fixed author and HEAD's time, so that the same
 * files give the same commit, which need not be sent twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <git2/sys/repository.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/git_internal.h"
#include "lib/base/str.h"
#include "lib/sys/fd.h"

#define INDEX_MAX ((size_t)1 << 30)

/* Copies the index with its time: entries as new as the index itself are not trusted by git. */
static int copy_index(const char *from, const char *to, struct err *err)
{
	struct stat st;
	_cleanup_buf_ struct buf b = BUF_INIT(INDEX_MAX);
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);

	if (in < 0 && errno == ENOENT)
		return 0; /* nothing was ever added: all files are new */
	if (in < 0 || fstat(in, &st) < 0)
		return err_errno(err, errno, "cannot read %s", from);
	int r = fd_read_all(in, &b);
	if (r < 0)
		return err_errno(err, -r, "cannot read %s", from);
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_errno(err, errno, "cannot create %s", to);
	r = fd_write_all(out, buf_data(&b), buf_len(&b));
	if (r < 0)
		return err_errno(err, -r, "cannot write %s", to);
	const struct timespec times[2] = {st.st_atim, st.st_mtim};
	return futimens(out, times) < 0 ? err_errno(err, errno, "cannot write %s", to) : 0;
}

static int open_index(struct source *s, git_index **ret, struct err *err)
{
	if (s->is_private)
		return git_repository_index(ret, s->repo) < 0
			       ? source_err(err, "cannot open the stand-in's index")
			       : 0;
	_cleanup_free_ char *own = xasprintf("%s/index", s->temporary);
	git_buf theirs = {0};
	if (git_repository_item_path(&theirs, s->repo, GIT_REPOSITORY_ITEM_INDEX) < 0)
		return source_err(err, "cannot find the repository's index");
	(void)unlink(own);
	int r = copy_index(theirs.ptr, own, err);
	git_buf_dispose(&theirs);
	if (r < 0)
		return r;
	if (git_index_open(ret, own) < 0)
		return source_err(err, "cannot read the repository's index");
	if (git_repository_set_index(s->repo, *ret) < 0)
		return source_err(err, "cannot use the repository's index");
	return 0;
}

/* The stand-in's index remembers files that a .gitignore written since then names. */
static int forget_ignored(git_index *index, git_repository *repo)
{
	for (size_t i = git_index_entrycount(index); i-- > 0;) {
		const git_index_entry *e = git_index_get_byindex(index, i);
		int is_ignored = 0;
		if (git_ignore_path_is_ignored(&is_ignored, repo, e->path) < 0)
			return -1;
		if (is_ignored && git_index_remove(index, e->path, 0) < 0)
			return -1;
	}
	return 0;
}

/* A folder that libgit2 does not go into has a repository of its own in it. */
static int stop_at_repository(const char *path, const char *pattern, void *payload)
{
	char **nested = payload;

	(void)pattern;
	if (!has_suffix(path, "/"))
		return 0;
	*nested = xstrndup(path, strlen(path) - 1);
	return GIT_EUSER;
}

/* Brings the index to the state of the files, under our folder only. */
static int add_files(struct source *s, git_index *index, struct err *err)
{
	_cleanup_free_ char *pattern = xasprintf("%s*", s->prefix);
	char *patterns[] = {pattern};
	const git_strarray paths = {patterns, 1};
	_cleanup_free_ char *nested = NULL;
	int r = git_index_add_all(
		index, &paths, GIT_INDEX_ADD_DEFAULT, stop_at_repository, &nested);

	if (nested)
		return err_set(err, EINVAL,
			"'%s' is a git repository inside %s; remove %s/.git to deploy its files with "
			"the others, or name it in .gitignore",
			nested, s->folder, nested);
	if (r == 0 && s->is_private && (r = forget_ignored(index, s->repo)) == 0)
		r = git_index_write(index);
	return r < 0 ? source_err(err, "cannot read the files of %s", s->folder) : 0;
}

static int write_tree(struct source *s, git_oid *ret, struct err *err)
{
	git_index *index = NULL;
	int r = open_index(s, &index, err);

	/* Adding the files would resolve them, with the conflict markers in. */
	if (r == 0 && git_index_has_conflicts(index))
		r = err_set(err, EINVAL,
			"the repository has unresolved merge conflicts; resolve them and git add "
			"the files first");
	if (r == 0)
		r = add_files(s, index, err);
	if (r == 0 && git_index_write_tree_to(ret, index, s->repo) < 0)
		r = source_err(err, "cannot make a tree of %s", s->folder);
	if (r == 0 && git_index_entrycount(index) == 0)
		r = err_set(err, ENOENT,
			"there is nothing to deploy in %s: no files, or all ignored", s->folder);
	git_index_free(index);
	return r;
}

/* The tree of our folder in the tree of the repository: 0, or GIT_ENOTFOUND. */
static int folder_tree(struct source *s, const git_oid *top, git_oid *ret)
{
	git_tree *tree = NULL;
	git_tree_entry *entry = NULL;

	if (s->prefix[0] == '\0') {
		*ret = *top;
		return 0;
	}
	_cleanup_free_ char *path = xstrndup(s->prefix, strlen(s->prefix) - 1);
	int r = git_tree_lookup(&tree, s->repo, top);
	if (r == 0)
		r = git_tree_entry_bypath(&entry, tree, path);
	if (r == 0)
		*ret = *git_tree_entry_id(entry);
	git_tree_entry_free(entry);
	git_tree_free(tree);
	return r;
}

static void describe_head(struct source *s, git_commit *head)
{
	const char *message = head ? git_commit_summary(head) : NULL;
	const git_signature *author = head ? git_commit_author(head) : NULL;

	free(s->message);
	free(s->author);
	s->message = message ? xstrdup(message) : NULL;
	s->author = author ? xasprintf("%s <%s>", author->name, author->email) : NULL;
	s->commit.message = s->message;
	s->commit.author = s->author;
	s->commit.branch = source_branch(s);
	s->commit.head[0] = '\0';
	if (head)
		(void)git_oid_tostr(s->commit.head, sizeof s->commit.head, git_commit_id(head));
}

/* HEAD's commit, NULL when there is none yet. */
static int read_head(struct source *s, git_commit **ret, struct err *err)
{
	git_oid id;
	int r = s->is_private ? GIT_ENOTFOUND : git_reference_name_to_id(&id, s->repo, "HEAD");

	*ret = NULL;
	if (r == GIT_ENOTFOUND || r == GIT_EUNBORNBRANCH)
		return 0;
	if (r < 0 || git_commit_lookup(ret, s->repo, &id) < 0)
		return source_err(err, "cannot read HEAD");
	return 0;
}

static int make_commit(struct source *s, git_commit *head, const git_oid *tree_id, struct err *err)
{
	/* A folder's tree has another history than the repository's, and a shallow clone has none
	 * that could be sent. */
	bool has_parent = head && !s->commit.subfolder && !s->commit.shallow;
	const git_commit *parents[] = {head};
	git_signature who = {
		.name = (char *)(uintptr_t) "Berth",
		.email = (char *)(uintptr_t) "berth@localhost",
		.when = {.time = head ? git_commit_time(head) : 0},
	};
	_cleanup_free_ char *message =
		xasprintf("%s\n\nSnapshot of %s\n", s->message ? s->message : "Deploy",
			s->commit.head[0] ? s->commit.head : "a folder without git");
	git_tree *tree = NULL;
	git_oid id;

	int r = git_tree_lookup(&tree, s->repo, tree_id);
	if (r == 0)
		r = git_commit_create(&id, s->repo, NULL, &who, &who, NULL, message, tree,
			has_parent ? 1 : 0, parents);
	git_tree_free(tree);
	if (r < 0)
		return source_err(err, "cannot make a commit of %s", s->folder);
	(void)git_oid_tostr(s->commit.commit, sizeof s->commit.commit, &id);
	return 0;
}

static int choose_commit(struct source *s, git_commit *head, const git_oid *all, struct err *err)
{
	git_oid now, before;
	bool has_before = head && folder_tree(s, git_commit_tree_id(head), &before) == 0;

	if (folder_tree(s, all, &now) < 0)
		return err_set(err, ENOENT,
			"there is nothing to deploy in %s: no files, or all ignored", s->folder);
	s->commit.dirty = !s->is_private && !(has_before && git_oid_equal(&now, &before));
	if (s->is_private || s->commit.dirty || s->commit.subfolder || s->commit.shallow)
		return make_commit(s, head, &now, err);
	(void)snprintf(s->commit.commit, sizeof s->commit.commit, "%s", s->commit.head);
	return 0;
}

int source_snapshot(struct source *s, const struct source_commit **ret, struct err *err)
{
	git_commit *head = NULL;
	git_oid tree;
	int r = source_isolate(s, err);

	if (r == 0)
		r = read_head(s, &head, err);
	if (r == 0)
		r = source_ignore_rules(s, err);
	if (r == 0) {
		describe_head(s, head);
		r = write_tree(s, &tree, err);
	}
	if (r == 0)
		r = choose_commit(s, head, &tree, err);
	if (r == 0)
		r = source_list_left_out(s, err);
	git_commit_free(head);
	if (r == 0)
		*ret = &s->commit;
	return r;
}
