/* SPDX-License-Identifier: Apache-2.0
 *
 * The visitor that writes. Each folder is opened once, by name in its parent, and files are made
 * in it with O_EXCL: no path of more than one name is ever resolved.
 */
#include "agent/git/checkout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "agent/git/repo.h"
#include "lib/sys/fd.h"

struct checkout {
	git_odb *odb;
	int *dirs; /* open folders from the top to where we are */
	unsigned depth;
	unsigned depth_max;
	struct err *err;
};

static int dir_now(const struct checkout *c)
{
	return c->dirs[c->depth];
}

static int failed(struct checkout *c, const char *name)
{
	/* Names of one folder are distinct, so only a file system without case can say this. */
	if (errno == EEXIST)
		return err_set(c->err, EBADMSG, "'%s' is there twice", name);
	return err_errno(c->err, errno, "cannot write '%s'", name);
}

static int on_dir(void *data, const char *name)
{
	struct checkout *c = data;

	if (mkdirat(dir_now(c), name, 0755) < 0)
		return failed(c, name);
	int fd = openat(dir_now(c), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failed(c, name);
	must(c->depth < c->depth_max);
	c->dirs[++c->depth] = fd;
	return 0;
}

static int on_dir_end(void *data)
{
	struct checkout *c = data;

	must(c->depth > 0);
	(void)close(c->dirs[c->depth--]);
	return 0;
}

static int on_file(void *data, const char *name, bool is_executable, const git_oid *id)
{
	struct checkout *c = data;
	_cleanup_object_ git_odb_object *object = NULL;

	if (git_odb_read(&object, c->odb, id) < 0)
		return repo_err(c->err, "cannot read '%s'", name);
	_cleanup_close_ int fd = openat(dir_now(c), name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, is_executable ? 0755 : 0644);
	if (fd < 0)
		return failed(c, name);
	int r = fd_write_all(fd, git_odb_object_data(object), git_odb_object_size(object));
	return r < 0 ? err_errno(c->err, -r, "cannot write '%s'", name) : 0;
}

static int on_link(void *data, const char *name, const char *target)
{
	struct checkout *c = data;

	return symlinkat(target, dir_now(c), name) < 0 ? failed(c, name) : 0;
}

/* An open, empty folder, or -errno. */
static int open_target(const char *to, struct err *err)
{
	if (mkdir(to, 0755) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot create folder %s", to);
	int fd = open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "cannot open folder %s", to);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	int entries = 0;
	while (dir && readdir(dir)) /* NOLINT(concurrency-mt-unsafe): one thread */
		entries++;
	if (dir)
		(void)closedir(dir);
	if (entries == 2)
		return fd;
	(void)close(fd);
	return err_set(err, ENOTEMPTY, "folder %s is not empty", to);
}

static int write_tree(git_odb *odb, const git_oid *tree, const char *to, bool sync,
	struct tree_totals *ret, struct err *err)
{
	const struct tree_limits limits = TREE_LIMITS_DEFAULT;
	_cleanup_close_ int top = open_target(to, err);

	if (top < 0)
		return top;
	_cleanup_free_ int *dirs = xcalloc(limits.depth_max + 1, sizeof *dirs);
	struct checkout c = {.odb = odb, .dirs = dirs, .depth_max = limits.depth_max, .err = err};
	const struct tree_visitor visitor = {.on_dir = on_dir,
		.on_dir_end = on_dir_end,
		.on_file = on_file,
		.on_link = on_link,
		.data = &c};
	dirs[0] = top;
	int r = tree_walk(odb, tree, &limits, &visitor, ret, err);
	while (c.depth > 0)
		(void)on_dir_end(&c);
	if (r == 0 && sync && syncfs(top) < 0)
		r = err_errno(err, errno, "cannot sync %s", to);
	return r;
}

int checkout_write(git_repository *repo, const git_oid *commit, const char *to, bool sync,
	struct tree_totals *ret, struct err *err)
{
	_cleanup_odb_ git_odb *odb = NULL;
	git_oid tree;

	if (git_repository_odb(&odb, repo) < 0)
		return repo_err(err, "cannot read the repository");
	int r = repo_commit_tree(odb, commit, &tree, err);
	if (r < 0)
		return r;
	/* The modes are those of the tree, whatever we were started with. */
	mode_t mask = umask(022);
	r = write_tree(odb, &tree, to, sync, ret, err);
	(void)umask(mask);
	return r;
}
