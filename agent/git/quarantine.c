/* SPDX-License-Identifier: Apache-2.0
 *
 * Quarantines.
 */
#include "agent/git/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/sys/file.h"

/* Between mkdir and flock a fresh folder looks stale: it is let alone for that long. */
#define STALE_SECONDS 60

static void remove_if_stale(const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || time(NULL) - st.st_mtime < STALE_SECONDS)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)file_remove_tree(path, NULL);
}

static void remove_stale(const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (!has_prefix(e->d_name, "push-"))
			continue;
		_cleanup_free_ char *path = xasprintf("%s/%s", parent, e->d_name);
		remove_if_stale(path);
	}
	if (dir)
		(void)closedir(dir);
}

int quarantine_open(struct quarantine *q, const char *repo, struct err *err)
{
	_cleanup_free_ char *parent = xasprintf("%s/quarantine", repo);
	_cleanup_free_ char *objects = xasprintf("%s/push-XXXXXX", parent);

	*q = (struct quarantine){.lock = -1};
	if (mkdir(parent, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot create %s", parent);
	remove_stale(parent);
	if (!mkdtemp(objects))
		return err_errno(err, errno, "cannot create a folder in %s", parent);
	_cleanup_free_ char *pack = xasprintf("%s/pack", objects);
	q->lock = open(objects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (q->lock < 0 || flock(q->lock, LOCK_EX | LOCK_NB) < 0 || mkdir(pack, 0700) < 0) {
		int r = err_errno(err, errno, "cannot prepare %s", objects);
		(void)file_remove_tree(objects, NULL);
		return r;
	}
	q->repo = xstrdup(repo);
	q->objects = take_ptr(objects);
	return 0;
}

int quarantine_migrate(const struct quarantine *q, const char *name, struct err *err)
{
	static const char *const suffixes[] = {"pack", "idx"};
	_cleanup_free_ char *to_dir = xasprintf("%s/objects/pack", q->repo);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *from =
			xasprintf("%s/pack/pack-%s.%s", q->objects, name, suffixes[i]);
		_cleanup_free_ char *to = xasprintf("%s/pack-%s.%s", to_dir, name, suffixes[i]);
		if (rename(from, to) < 0)
			return err_errno(err, errno, "cannot move %s", from);
	}
	int r = file_sync_dir(to_dir);
	return r < 0 ? err_errno(err, -r, "cannot sync %s", to_dir) : 0;
}

void quarantine_close(struct quarantine *q)
{
	if (q->objects)
		(void)file_remove_tree(q->objects, NULL);
	closep(&q->lock);
	free(q->objects);
	free(q->repo);
	*q = (struct quarantine){.lock = -1};
}
