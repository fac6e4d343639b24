/* SPDX-License-Identifier: Apache-2.0
 *
 * Instances are units in /etc, so that they come back at boot without anybody's help; tasks are in
 * /run and do not. Source files belong to the agent's user and are opened as if it were hostile.
 */
#include "agent/hostd/unit_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/hostd/unit_text.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

#define DIR_INSTANCES "/etc/systemd/system"
#define DIR_TASKS "/run/systemd/system"
#define DIR_TMPFILES "/etc/tmpfiles.d"
#define DIR_WANTS DIR_INSTANCES "/berth-apps.target.wants"
#define CREDENTIAL_MAX (400u << 10) /* systemd's limit is 1 MiB for all of a unit */

static char *unit_path(const struct hostd_request *r)
{
	char unit[UNIT_NAME_MAX];

	unit_of(r, unit);
	return xasprintf("%s/%s", is_task(r) ? DIR_TASKS : DIR_INSTANCES, unit);
}

static char *link_path(const struct hostd_request *r)
{
	char unit[UNIT_NAME_MAX];

	unit_of(r, unit);
	return xasprintf(DIR_WANTS "/%s", unit);
}

/* Reads a file of the agent below S: a plain file of its own, not linked to from elsewhere. */
static int read_source(const char *path, struct buf *to, struct err *err)
{
	const struct passwd *agent = getpwnam(USER_AGENT);
	struct stat st;

	_cleanup_close_ int state = open(DIR_STATE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state < 0 || !agent)
		return err_errno(err, state < 0 ? errno : ENOENT, "cannot open " DIR_STATE);
	_cleanup_close_ int fd =
		file_open_beneath(state, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, -fd, "cannot open " DIR_STATE "/%s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != agent->pw_uid ||
		st.st_nlink != 1)
		return err_set(err, EPERM, DIR_STATE "/%s is not a file of the agent", path);
	int r = fd_read_all(fd, to);
	return r < 0 ? err_errno(err, -r, "cannot read " DIR_STATE "/%s", path) : 0;
}

/* Starting what runs already must cost next to nothing: a file that says the same is left alone. */
static int replace(
	const char *path, struct str text, mode_t mode, bool *ret_changed, struct err *err)
{
	_cleanup_free_ char *before = NULL;
	size_t len = 0;

	bool exists = file_read(path, CREDENTIAL_MAX, &before, &len, NULL) == 0;
	*ret_changed = exists && !str_eq((struct str){before, len}, text);
	if (exists && !*ret_changed)
		return 0;
	return file_replace(path, text.len ? text.p : "", text.len, mode, err);
}

static int copy_credential(const struct hostd_request *r, const char *name, struct err *err)
{
	_cleanup_free_ char *from = xasprintf("apps/%s/releases/%u/%s", r->app, r->release, name);
	_cleanup_buf_ struct buf text = BUF_INIT(CREDENTIAL_MAX);
	char folder[UNIT_NAME_MAX];
	bool changed;

	credentials_of(r, folder);
	_cleanup_free_ char *to = xasprintf("%s/%s", folder, name);
	int e = read_source(from, &text, err);
	if (e == 0)
		e = replace(to, (struct str){buf_data(&text), buf_len(&text)}, S_IRUSR | S_IWUSR,
			&changed, err);
	return e;
}

static int copy_credentials(const struct hostd_request *r, bool *ret_has_build_env, struct err *err)
{
	char folder[UNIT_NAME_MAX];

	credentials_of(r, folder);
	*ret_has_build_env = false;
	int e = file_make_dirs(folder, S_IRWXU, err);
	if (e < 0)
		return e;
	if (!is_task(r) || r->task == HOSTD_RELEASE_COMMAND) {
		e = copy_credential(r, "release.json", err);
		return e < 0 ? e : copy_credential(r, "env", err);
	}
	e = copy_credential(r, "build.env", err);
	*ret_has_build_env = e == 0;
	return e == -ENOENT ? 0 : e;
}

static int enable(const struct hostd_request *r, struct err *err)
{
	_cleanup_free_ char *target = unit_path(r);
	_cleanup_free_ char *path = link_path(r);

	int e = file_make_dirs(DIR_WANTS, 0755, err);
	if (e < 0)
		return e;
	if (symlink(target, path) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot make %s", path);
	return 0;
}

static char *tmpfiles_path(const struct hostd_request *r)
{
	char unit[UNIT_NAME_MAX];

	unit_of(r, unit);
	return xasprintf(DIR_TMPFILES "/%s.conf", unit);
}

static int make_folder(const char *path, mode_t mode, gid_t group, struct err *err)
{
	if ((mkdir(path, S_IRWXU) < 0 && errno != EEXIST) || lchown(path, 0, group) < 0 ||
		chmod(path, mode) < 0)
		return err_errno(err, errno, "cannot make %s", path);
	return 0;
}

/* The unit's root, which systemd fills, and an instance's socket folder. Only root, the proxy and the
 * agent get through the folder above that; the app, whose number nobody knows yet, gets to this one
 * alone; new sockets get the proxy's group. /run is empty after a boot: systemd-tmpfiles makes the
 * same again. */
static int make_folders(const struct hostd_request *r, struct err *err)
{
	const struct group *proxy = getgrnam(GROUP_PROXY);
	char name[UNIT_NAME_MAX];
	bool changed;

	if (!proxy)
		return err_set(err, ENOENT, "there is no group " GROUP_PROXY);
	name_of(r, name);
	_cleanup_free_ char *root = xasprintf(DIR_HOSTD_RUN "/roots/%s", name);
	_cleanup_free_ char *proc = xasprintf("%s/proc", root);
	_cleanup_free_ char *sockets = xasprintf(DIR_RUN "/apps/%s", name);
	int e = make_folder(root, 0755, 0, err);
	if (e == 0)
		e = make_folder(proc, 0755, 0, err);
	if (e < 0 || is_task(r))
		return e;
	e = make_folder(sockets, 03777, proxy->gr_gid, err);
	if (e < 0)
		return e;
	_cleanup_free_ char *path = tmpfiles_path(r);
	_cleanup_free_ char *text = xasprintf("d %s 0755 root root -\nd %s 0755 root root -\n"
					      "d %s 3777 root " GROUP_PROXY " -\n",
		root, proc, sockets);
	return replace(path, str_from(text), 0644, &changed, err);
}

static int make_pipe(const struct hostd_request *r, struct err *err)
{
	char folder[UNIT_NAME_MAX];

	credentials_of(r, folder);
	_cleanup_free_ char *path = xasprintf("%s/output", folder);
	if (mkfifo(path, S_IRUSR | S_IWUSR) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot make %s", path);
	return 0;
}

static int write_text(
	const struct hostd_request *r, bool has_build_env, bool *ret_changed, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT(UNIT_TEXT_MAX);
	_cleanup_free_ char *path = unit_path(r);

	if (unit_text(r, has_build_env, &text) < 0)
		return err_set(err, ENOBUFS, "the unit is too long");
	return replace(path, (struct str){buf_data(&text), buf_len(&text)}, 0644, ret_changed, err);
}

int unit_files_write(const struct hostd_request *r, bool *ret_changed, struct err *err)
{
	bool has_build_env;

	int e = copy_credentials(r, &has_build_env, err);
	if (e == 0)
		e = make_folders(r, err);
	if (e == 0 && is_task(r))
		e = make_pipe(r, err);
	if (e == 0 && is_task(r))
		e = file_make_dirs(DIR_TASKS, 0755, err);
	if (e == 0)
		e = write_text(r, has_build_env, ret_changed, err);
	return e < 0 || is_task(r) ? e : enable(r, err);
}

void unit_files_disable(const struct hostd_request *r)
{
	_cleanup_free_ char *path = link_path(r);

	if (!is_task(r) && unlink(path) == 0)
		(void)file_sync_dir(DIR_WANTS);
}

void unit_files_remove(const struct hostd_request *r)
{
	_cleanup_free_ char *path = unit_path(r);
	char folder[UNIT_NAME_MAX], name[UNIT_NAME_MAX];

	unit_files_disable(r);
	(void)unlink(path);
	credentials_of(r, folder);
	(void)file_remove_tree(folder, NULL);
	name_of(r, name);
	_cleanup_free_ char *root = xasprintf(DIR_HOSTD_RUN "/roots/%s", name);
	(void)file_remove_tree(root, NULL);
	if (!is_task(r)) {
		_cleanup_free_ char *tmpfiles = tmpfiles_path(r);
		(void)unlink(tmpfiles);
		_cleanup_free_ char *sockets = xasprintf(DIR_RUN "/apps/%s", name);
		(void)file_remove_tree(sockets, NULL);
	}
}

bool unit_files_exist(const struct hostd_request *r)
{
	_cleanup_free_ char *path = unit_path(r);
	return file_exists(path);
}

bool unit_files_enabled(const struct hostd_request *r)
{
	_cleanup_free_ char *path = link_path(r);
	return file_exists(path);
}

int unit_files_open_output(const struct hostd_request *r, int *ret_reader, int *ret_holder)
{
	char folder[UNIT_NAME_MAX];

	credentials_of(r, folder);
	_cleanup_free_ char *path = xasprintf("%s/output", folder);
	_cleanup_close_ int holder = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (holder < 0)
		return -errno;
	int reader = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (reader < 0)
		return -errno;
	*ret_reader = reader;
	*ret_holder = take_fd(&holder);
	return 0;
}

void unit_files_each(
	bool tasks, void (*each)(void *data, const struct hostd_request *unit), void *data)
{
	struct dirent **entries;

	/* A list first: the callback may remove files. */
	int n = scandir(tasks ? DIR_TASKS : DIR_INSTANCES, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		struct hostd_request unit;
		if (unit_parse(entries[i]->d_name, &unit) == 0 && is_task(&unit) == tasks)
			each(data, &unit);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
