/* SPDX-License-Identifier: Apache-2.0
 *
 * Every step is relative to a descriptor of the folder above, opened with O_NOFOLLOW.
 */
#include "agent/hostd/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/str.h"

#define DEPTH_MAX 256

static int give_entry(int fd, const struct stat *st, const struct tree_owners *owners)
{
	mode_t mode = st->st_mode & 01777;
	char proc[32];

	if (fchownat(fd, "", owners->to_user, owners->to_group,
		    AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(st->st_mode))
		return 0;
	if (owners->seal)
		mode |= S_ISDIR(st->st_mode) ? 0755 : 0644;
	/* An O_PATH descriptor has no fchmod(2); its name in /proc does. */
	(void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	return chmod(proc, mode) < 0 ? -errno : 0;
}

static int give_folder(int fd, const struct tree_owners *owners, unsigned depth);

static int give_child(int dir, const char *name, const struct tree_owners *owners, unsigned depth)
{
	struct stat st;

	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_uid != owners->from)
		return 0;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	int r = give_entry(fd, &st, owners);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	return give_folder(fd, owners, depth + 1);
}

/* `path_fd` is an O_PATH descriptor of the folder. */
static int give_folder(int path_fd, const struct tree_owners *owners, unsigned depth)
{
	int r = 0;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir)
		return -errno;
	for (struct dirent *e; r == 0 && (e = readdir(dir)) != NULL;)
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			r = give_child(dirfd(dir), e->d_name, owners, depth);
	(void)closedir(dir);
	return r;
}

int tree_give(const char *path, const struct tree_owners *owners, struct err *err)
{
	struct stat st;

	_cleanup_close_ int fd = open(path, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "cannot open %s", path);
	int r = st.st_uid == owners->from ? give_entry(fd, &st, owners) : 0;
	if (r == 0)
		r = give_folder(fd, owners, 0);
	return r < 0 ? err_errno(err, -r, "cannot change the owner of %s", path) : 0;
}
