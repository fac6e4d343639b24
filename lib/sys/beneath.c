/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening below a folder, by openat2(2) or, where a sandbox takes that away, one component at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "lib/base/str.h"
#include "lib/sys/file.h"

#define DEPTH_MAX 128
#define LINKS_MAX 40

struct walk {
	int folders[DEPTH_MAX]; /* from the start, which is not ours, to where we are */
	unsigned depth;
	unsigned links;
	char rest[PATH_MAX];
};

static void walk_end(struct walk *w)
{
	while (w->depth > 0)
		(void)close(w->folders[w->depth--]);
}

static int go_up(struct walk *w)
{
	if (w->depth == 0)
		return -EXDEV;
	(void)close(w->folders[w->depth--]);
	return 0;
}

static int go_down(struct walk *w, const char *name)
{
	if (w->depth + 1 == DEPTH_MAX)
		return -ENAMETOOLONG;
	int fd = openat(w->folders[w->depth], name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	w->folders[++w->depth] = fd;
	return 0;
}

/* Puts the target of a link before what is left of the path. */
static int take_link(struct walk *w, const char *target, size_t len)
{
	char joined[PATH_MAX];

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (len == 0 || target[0] == '/')
		return -EXDEV;
	int n = snprintf(joined, sizeof joined, "%.*s/%s", (int)len, target, w->rest);
	if (n < 0 || (size_t)n >= sizeof joined)
		return -ENAMETOOLONG;
	memcpy(w->rest, joined, (size_t)n + 1);
	return 0;
}

/* Takes the first component off the rest; false when there is none. */
static bool next_component(struct walk *w, char name[NAME_MAX + 1], bool *ret_is_last)
{
	const char *from = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(from, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, from, len);
	name[len] = '\0';
	const char *rest = from + len;
	*ret_is_last = rest[strspn(rest, "/")] == '\0';
	memmove(w->rest, rest, strlen(rest) + 1);
	return true;
}

/* One step. 1: go on; a descriptor is in *ret_fd when it is 0. */
static int step(struct walk *w, int flags, int *ret_fd)
{
	char name[NAME_MAX + 1], target[PATH_MAX];
	bool is_last = true;

	if (!next_component(w, name, &is_last)) {
		*ret_fd = openat(w->folders[w->depth], ".", flags);
		return *ret_fd < 0 ? -errno : 0;
	}
	if (streq(name, "."))
		return 1;
	if (streq(name, ".."))
		return go_up(w) < 0 ? -EXDEV : 1;
	ssize_t n = readlinkat(w->folders[w->depth], name, target, sizeof target);
	if (n >= 0 && is_last && (flags & O_NOFOLLOW))
		return -ELOOP;
	int r = 0;
	if (n >= 0) {
		r = take_link(w, target, (size_t)n);
	} else if (!is_last) {
		r = go_down(w, name);
	} else {
		*ret_fd = openat(w->folders[w->depth], name, flags | O_NOFOLLOW);
		return *ret_fd < 0 ? -errno : 0;
	}
	return r < 0 ? r : 1;
}

int file_open_beneath_by_steps(int dirfd, const char *path, int flags)
{
	struct walk w = {.folders = {dirfd}};
	int fd = -1, r = 1;

	if (path[0] == '/')
		return -EXDEV;
	if (path[0] == '\0')
		return -ENOENT;
	r = str_copy(w.rest, sizeof w.rest, str_from(path));
	for (r = r < 0 ? r : 1; r == 1;)
		r = step(&w, flags | O_CLOEXEC, &fd);
	walk_end(&w);
	return r < 0 ? r : fd;
}

int file_open_beneath(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);

	if (fd < 0 && errno == ENOSYS)
		return file_open_beneath_by_steps(dirfd, path, flags);
	return fd < 0 ? -errno : (int)fd;
}
