/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_dir/kept/<result>/ holds "tree", the copy, and "made", which says from what (the key), in
 * which boot of the machine and where (the app's folder). "made" is written last and removed first,
 * so that a tree without it is one that a crash of ours cut short. After a power cut files may be
 * empty that were written just before; nothing is synced here, because that can take many seconds
 * on a busy disk. Instead a copy is only trusted in the boot that made it.
 */
#include "builders/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"

#define KEPT_BYTES_MAX (1ll << 30)
#define SCRIPT_BYTES_MAX (64u << 10)
#define MADE_BYTES_MAX 8192

/* ".venv" and "a/b" as one folder name. */
static char *kept_dir(const char *cache_dir, const struct plan_step *step)
{
	char *dir = xasprintf("%s/kept/%s", cache_dir, step->result);

	for (char *p = dir + strlen(cache_dir) + 6; *p; p++)
		if (*p == '/')
			*p = '_';
	return dir;
}

static bool copy_tree(const char *from, const char *to)
{
	const char *const argv[] = {"/bin/cp", "-a", "--reflink=auto", "--", from, to, NULL};
	const struct proc_spec spec = {
		.argv = argv, .fds = {-1, -1, -1}, .fd_count = 3, .dies_with_parent = true};
	pid_t pid;
	int pidfd, status = 1;

	if (proc_spawn(&spec, &pid, &pidfd, NULL) < 0)
		return false;
	(void)close(pidfd);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* `text` with every `from` as `to`, owned by the caller. */
static char *replace_all(const char *text, const char *from, const char *to)
{
	char *out = xstrdup("");
	size_t len = 0, from_len = strlen(from), to_len = strlen(to);

	for (const char *at; (at = strstr(text, from)) != NULL; text = at + from_len) {
		size_t n = (size_t)(at - text);
		out = xrealloc(out, len + n + to_len + 1, 1);
		memcpy(out + len, text, n);
		memcpy(out + len + n, to, to_len);
		len += n + to_len;
		out[len] = '\0';
	}
	size_t rest = strlen(text);
	out = xrealloc(out, len + rest + 1, 1);
	memcpy(out + len, text, rest + 1);
	return out;
}

/* One script of bin/: text that names the old folder. Compiled files and links are left alone. */
static bool move_script(int dirfd, const char *name, const char *from, const char *to)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_buf_ struct buf b = BUF_INIT(SCRIPT_BYTES_MAX);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP || errno == EISDIR;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size >= SCRIPT_BYTES_MAX)
		return true;
	if (fd_read_all(fd, &b) < 0)
		return false;
	const char *text = buf_cstr(&b);
	if (!text || strlen(text) != (size_t)st.st_size || !strstr(text, from))
		return true;
	_cleanup_free_ char *moved = replace_all(text, from, to);
	return lseek(fd, 0, SEEK_SET) == 0 && ftruncate(fd, 0) == 0 &&
	       fd_write_all(fd, moved, strlen(moved)) == 0;
}

static bool move_scripts(const char *tree, const char *from, const char *to)
{
	_cleanup_free_ char *bin = xasprintf("%s/bin", tree);
	DIR *d = opendir(bin);
	bool ok = true;
	const struct dirent *e;

	if (!d)
		return true;
	while (ok && (e = readdir(d)) != NULL) /* NOLINT(concurrency-mt-unsafe): our own stream */
		if (e->d_name[0] != '.')
			ok = move_script(dirfd(d), e->d_name, from, to);
	(void)closedir(d);
	return ok;
}

/* "KEY\nBOOT\n", in front of the app's folder. */
static char *made_head(const struct plan_step *step)
{
	_cleanup_free_ char *boot = NULL;
	size_t len = 0;

	if (file_read("/proc/sys/kernel/random/boot_id", 256, &boot, &len, NULL) < 0)
		boot = xstrdup("");
	boot[strcspn(boot, "\n")] = '\0';
	return xasprintf("%s\n%s\n", step->key, boot);
}

bool keep_restore(const char *cache_dir, const char *app_dir, const struct plan_step *step)
{
	_cleanup_free_ char *dir = kept_dir(cache_dir, step);
	_cleanup_free_ char *made_path = xasprintf("%s/made", dir);
	_cleanup_free_ char *tree = xasprintf("%s/tree", dir);
	_cleanup_free_ char *to = xasprintf("%s/%s", app_dir, step->result);
	_cleanup_free_ char *made = NULL;

	if (file_exists(to) || file_read(made_path, MADE_BYTES_MAX, &made, NULL, NULL) < 0)
		return false;
	_cleanup_free_ char *head = made_head(step);
	if (!has_prefix(made, head))
		return false;
	const char *from = made + strlen(head);
	if (copy_tree(tree, to) && (streq(from, app_dir) || move_scripts(to, from, app_dir)))
		return true;
	(void)file_remove_tree(to, NULL);
	return false;
}

/* Replaces "made" as a whole. */
static void write_made(const char *dir, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/made", dir);
	_cleanup_free_ char *fresh = xasprintf("%s/made.new", dir);
	_cleanup_close_ int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0 || rename(fresh, path) < 0)
		(void)unlink(fresh);
}

void keep_save(const char *cache_dir, const char *app_dir, const struct plan_step *step)
{
	_cleanup_free_ char *dir = kept_dir(cache_dir, step);
	_cleanup_free_ char *tree = xasprintf("%s/tree", dir);
	_cleanup_free_ char *made_path = xasprintf("%s/made", dir);
	_cleanup_free_ char *from = xasprintf("%s/%s", app_dir, step->result);
	_cleanup_free_ char *head = made_head(step);
	_cleanup_free_ char *made = xasprintf("%s%s", head, app_dir);
	int64_t bytes = file_tree_bytes(from);

	if (bytes <= 0 || bytes > KEPT_BYTES_MAX)
		return;
	(void)unlink(made_path);
	if (file_remove_tree(tree, NULL) < 0 || file_make_dirs(dir, 0700, NULL) < 0)
		return;
	if (copy_tree(from, tree))
		write_made(dir, made);
	else
		(void)file_remove_tree(tree, NULL);
}
