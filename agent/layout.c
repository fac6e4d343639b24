/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders and the lock.
 */
#include "agent/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/base/str.h"
#include "lib/sys/file.h"

/* Room for the name of an instance, such as "a-name-of-average-length.123.worker.1". */
#define INSTANCE_ROOM 44
#define RUN_MAX                                                                        \
	(sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - sizeof("/apps//app.sock") - \
		INSTANCE_ROOM)

void layout_init(struct layout *l, const char *state, const char *run)
{
	*l = (struct layout){.state = xstrdup(state), .run = xstrdup(run), .lock = -1};
	l->store = xasprintf("%s/store.db", state);
	l->routes = xasprintf("%s/proxy/routes.json", state);
	l->certs = xasprintf("%s/certs", state);
	l->acme = xasprintf("%s/acme", state);
	l->ca = xasprintf("%s/ca", state);
	l->ca_pem = xasprintf("%s/ca/ca.pem", state);
	l->build_env = xasprintf("%s/build.env", state);
	l->agent_socket = xasprintf("%s/agent.sock", run);
	l->api_socket = xasprintf("%s/api.sock", run);
	l->proxy_socket = xasprintf("%s/proxy.sock", run);
	l->proxy_dir = xasprintf("%s/proxy", state);
	l->proxy_config = xasprintf("%s/proxy/proxy.json", state);
}

void layout_release(struct layout *l)
{
	char *const owned[] = {l->state, l->run, l->store, l->routes, l->certs, l->acme, l->ca,
		l->ca_pem, l->build_env, l->agent_socket, l->api_socket, l->proxy_socket,
		l->proxy_dir, l->proxy_config};

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	closep(&l->lock);
	*l = (struct layout){.lock = -1};
}

int layout_check_length(const struct layout *l, struct err *err)
{
	size_t len = strlen(l->run);

	if (len > RUN_MAX)
		return err_set(err, ENAMETOOLONG,
			"%s has %zu bytes, at most %zu fit: addresses of UNIX sockets are short; "
			"choose a shorter folder, such as ~/berth",
			l->run, len, RUN_MAX);
	return 0;
}

static int make_dir(const char *path, mode_t mode, int64_t group, struct err *err)
{
	int r = file_make_dirs(path, 0711, err);
	if (r < 0)
		return r;
	/* The group first: chown(2) may take the set-group-id bit away. */
	if (group >= 0 && chown(path, (uid_t)-1, (gid_t)group) < 0)
		return err_errno(err, errno,
			"cannot give %s to group %lld: is the agent's user a member of it?", path,
			(long long)group);
	if (chmod(path, mode) < 0)
		return err_errno(err, errno, "cannot set the mode of %s", path);
	return 0;
}

int layout_make(const struct layout *l, int64_t proxy_group, struct err *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} private[] = {{"git", 0700}, {"apps", 0711}, {"cache", 0711}, {"logs", 0700}};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(private) && r == 0; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", l->state, private[i].name);
		r = make_dir(path, private[i].mode, -1, err);
	}
	/* What is made below these inherits the group. */
	mode_t shared = proxy_group >= 0 ? 02750 : 0700;
	if (r == 0)
		r = make_dir(l->certs, shared, proxy_group, err);
	if (r == 0)
		r = make_dir(l->proxy_dir, shared, proxy_group, err);
	return r < 0 ? r : file_make_dirs(l->run, 0711, err);
}

int layout_lock(struct layout *l, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/agent.lock", l->state);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char pid[24] = "";

	if (fd < 0)
		return err_errno(err, errno, "cannot open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_errno(err, errno, "cannot lock %s", path);
		ssize_t n = read(fd, pid, sizeof pid - 1);
		pid[n > 0 ? n : 0] = '\0';
		return err_set(err, EADDRINUSE,
			"another agent (process %.*s) works in %s; stop it first, or use another folder",
			(int)strcspn(pid, "\n"), pid, l->state);
	}
	int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		return err_errno(err, errno ? errno : EIO, "cannot write %s", path);
	l->lock = take_fd(&fd);
	return 0;
}
