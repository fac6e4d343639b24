/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and trees.
 */
#include "lib/sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/sys/fd.h"

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_errno(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "cannot stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "%s is not a regular file", path);
	_cleanup_buf_ struct buf b = BUF_INIT(max);
	int r = fd_read_all(fd, &b);
	if (r == -ENOBUFS)
		return err_set(err, EFBIG, "%s is larger than the limit of %zu bytes", path, max);
	if (r < 0)
		return err_errno(err, -r, "cannot read %s", path);
	*ret_text = str_dup((struct str){buf_data(&b), buf_len(&b)});
	if (ret_len)
		*ret_len = buf_len(&b);
	return 0;
}

int file_sync_dir(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int write_temporary(int fd, const void *data, size_t len, mode_t mode)
{
	int r = fd_write_all(fd, data, len);
	if (r < 0)
		return r;
	/* mkostemp made it 0600; widen only once it is whole. */
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	_cleanup_free_ char *temporary = xasprintf("%s.XXXXXX", path);
	_cleanup_close_ int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "cannot create a file beside %s", path);
	int r = write_temporary(fd, data, len, mode);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary);
		return err_errno(err, -r, "cannot write %s", path);
	}
	_cleanup_free_ char *copy = xstrdup(path);
	r = file_sync_dir(dirname(copy)); /* NOLINT(concurrency-mt-unsafe): works in the copy */
	return r < 0 ? err_errno(err, -r, "cannot sync the folder of %s", path) : 0;
}

int file_update(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	_cleanup_free_ char *old = NULL;
	size_t old_len = 0;

	if (file_read(path, len, &old, &old_len, NULL) == 0 && old_len == len &&
		(len == 0 || memcmp(old, data, len) == 0))
		return 0;
	return file_replace(path, data, len, mode, err);
}

int file_make_dirs(const char *path, mode_t mode, struct err *err)
{
	_cleanup_free_ char *copy = xstrdup(path);
	struct stat st;

	for (char *p = copy + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char end = *p;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return err_errno(err, errno, "cannot create folder %s", copy);
		*p = end;
		if (end == '\0')
			break;
	}
	if (stat(path, &st) < 0)
		return err_errno(err, errno, "cannot stat %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "%s exists and is not a folder", path);
	return 0;
}

int file_remove_tree(const char *path, struct err *err)
{
	char *const roots[] = {(char *)(uintptr_t)path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	int r = 0;

	if (!fts)
		return err_errno(err, errno, "cannot remove %s", path);
	FTSENT *e;
	while ((e = fts_read(fts)) != NULL) {
		int failed = 0;
		if (e->fts_info == FTS_D) {
			/* Package managers leave read-only folders (Go's module cache does). */
			if ((e->fts_statp->st_mode & S_IRWXU) != S_IRWXU)
				(void)chmod(e->fts_accpath, S_IRWXU);
		} else if (e->fts_info == FTS_DP) {
			failed = rmdir(e->fts_accpath) < 0 ? errno : 0;
		} else if (e->fts_info == FTS_NS || e->fts_info == FTS_ERR ||
			   e->fts_info == FTS_DNR) {
			failed = e->fts_errno;
		} else if (unlink(e->fts_accpath) < 0) {
			failed = errno;
		}
		if (failed != 0 && failed != ENOENT && r == 0)
			r = err_errno(err, failed, "cannot remove %s", e->fts_path);
	}
	(void)fts_close(fts);
	return r;
}

int64_t file_tree_bytes(const char *path)
{
	char *const roots[] = {(char *)(uintptr_t)path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	int64_t bytes = 0;

	if (!fts)
		return -errno;
	FTSENT *e;
	while ((e = fts_read(fts)) != NULL)
		if (e->fts_info != FTS_DP && e->fts_info != FTS_NS && e->fts_info != FTS_ERR)
			bytes += (int64_t)e->fts_statp->st_blocks * 512;
	(void)fts_close(fts);
	return bytes;
}

bool file_exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}
