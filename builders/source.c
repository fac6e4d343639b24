/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking at a source tree.
 */
#include "builders/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

int source_open(const char *dir, struct source *ret, struct err *err)
{
	ret->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->dirfd < 0 ? err_errno(err, errno, "cannot open the app's folder %s", dir) : 0;
}

void source_close(struct source *s)
{
	if (s->dirfd >= 0)
		(void)close(s->dirfd);
	s->dirfd = -1;
}

/* A FIFO or a device in the tree must not block or be touched: O_NONBLOCK, then a look at what it
 * is. */
static int open_kind(const struct source *s, const char *path, mode_t kind, struct stat *st)
{
	int fd = file_open_beneath(s->dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return fd;
	if (fstat(fd, st) < 0 || (st->st_mode & S_IFMT) != kind) {
		(void)close(fd);
		return -ENOENT;
	}
	return fd;
}

static bool has_kind(const struct source *s, const char *path, mode_t kind)
{
	struct stat st;
	_cleanup_close_ int fd = open_kind(s, path, kind, &st);
	return fd >= 0;
}

bool source_has_file(const struct source *s, const char *path)
{
	return has_kind(s, path, S_IFREG);
}

bool source_has_dir(const struct source *s, const char *path)
{
	return has_kind(s, path, S_IFDIR);
}

int source_mode(const struct source *s, const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = open_kind(s, path, S_IFREG, &st);
	return fd < 0 ? fd : (int)(st.st_mode & 07777);
}

int source_read(const struct source *s, const char *path, size_t max, char **ret, size_t *ret_len,
	struct err *err)
{
	struct stat st;
	_cleanup_close_ int fd = open_kind(s, path, S_IFREG, &st);
	_cleanup_buf_ struct buf b = BUF_INIT(max);

	*ret = NULL;
	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return err_errno(err, -fd, "cannot open %s", path);
	int r = fd_read_all(fd, &b);
	if (r == -ENOBUFS)
		return err_set(
			err, EFBIG, "%s is larger than the limit of %zu KB", path, max / 1024);
	if (r < 0)
		return err_errno(err, -r, "cannot read %s", path);
	*ret = str_dup((struct str){buf_data(&b), buf_len(&b)});
	if (ret_len)
		*ret_len = buf_len(&b);
	return 0;
}

char *source_text(const struct source *s, const char *path, size_t *ret_len)
{
	char *text = NULL;

	if (source_read(s, path, SOURCE_FILE_MAX, &text, ret_len, NULL) < 0)
		return NULL;
	return text;
}

ssize_t source_peek(const struct source *s, const char *path, void *to, size_t n)
{
	struct stat st;
	_cleanup_close_ int fd = open_kind(s, path, S_IFREG, &st);
	if (fd < 0)
		return fd;
	ssize_t got = pread(fd, to, n, 0);
	return got < 0 ? -errno : got;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void source_list(const struct source *s, const char *dir, struct source_names *ret)
{
	struct stat st;
	int fd = open_kind(s, dir, S_IFDIR, &st);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	*ret = (struct source_names){0};
	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	ret->names = xcalloc(SOURCE_LIST_MAX, sizeof(char *));
	while ((e = readdir(d)) != NULL) { /* NOLINT(concurrency-mt-unsafe): our own stream */
		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (ret->count == SOURCE_LIST_MAX) {
			ret->cut = true;
			break;
		}
		ret->names[ret->count++] = xstrdup(e->d_name);
	}
	(void)closedir(d);
	qsort(ret->names, ret->count, sizeof(char *), by_name);
}

void source_names_free(struct source_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct source_names){0};
}
