/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets.
 */
#include "lib/sys/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/base/parse.h"

static int unix_address(const char *path, struct sockaddr_un *ret, struct err *err)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (str_copy(ret->sun_path, sizeof ret->sun_path, str_from(path)) < 0)
		return err_set(err, ENAMETOOLONG,
			"socket path %s is longer than %zu bytes; use a shorter folder", path,
			sizeof ret->sun_path - 1);
	return 0;
}

int sock_connect_unix(const char *path, int type, bool nonblocking, struct err *err)
{
	struct sockaddr_un address;
	int r = unix_address(path, &address, err);
	if (r < 0)
		return r;
	_cleanup_close_ int fd =
		socket(AF_UNIX, type | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return err_errno(err, errno, "cannot connect to %s", path);
	return take_fd(&fd);
}

int sock_listen_unix(const char *path, int type, mode_t mode, struct err *err)
{
	struct sockaddr_un address;
	int r = unix_address(path, &address, err);
	if (r < 0)
		return r;
	int other = sock_connect_unix(path, type, true, NULL);
	if (other >= 0) {
		(void)close(other);
		return err_set(err, EADDRINUSE, "another process already listens on %s", path);
	}
	(void)unlink(path);
	_cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "cannot create a socket for %s", path);
	/* Bound without permissions for others, so that there is no moment in which it is wider than
	 * `mode`. fchmod on the socket sets the mode that bind gives the file. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
		chmod(path, mode) < 0 || listen(fd, SOMAXCONN) < 0)
		return err_errno(err, errno, "cannot listen on %s", path);
	return take_fd(&fd);
}

static int tcp_address(
	const char *text, unsigned port, struct sockaddr_storage *ret, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof *v4;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*len = sizeof *v6;
		return 0;
	}
	return -EINVAL;
}

int sock_listen_tcp(const char *text, unsigned port, bool reuse_port, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t len;
	const int on = 1;

	if (port > UINT16_MAX || tcp_address(text, port, &address, &len) < 0)
		return err_set(
			err, EINVAL, "'%s' port %u is not a numeric address and port", text, port);
	_cleanup_close_ int fd =
		socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "cannot create a socket for %s port %u", text, port);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (reuse_port)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, SOMAXCONN) < 0)
		return err_errno(err, errno, "cannot listen on %s port %u", text, port);
	return take_fd(&fd);
}

int sock_peer_credentials(int fd, struct ucred *ret)
{
	socklen_t len = sizeof *ret;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0 ? -errno : 0;
}

ssize_t sock_send_fds(int sock, const void *data, size_t len, const int *fds, unsigned fd_count)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * SOCK_FDS_MAX)];
		struct cmsghdr align;
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	must(fd_count <= SOCK_FDS_MAX);
	if (fd_count > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	ssize_t n;
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Collects what came; closes everything beyond fd_max. False when there was too much. */
static bool collect_fds(struct msghdr *msg, int *ret_fds, unsigned fd_max, unsigned *ret_count)
{
	unsigned count = 0;
	bool fits = !(msg->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (count < fd_max) {
				ret_fds[count++] = fd;
			} else {
				(void)close(fd);
				fits = false;
			}
		}
	}
	*ret_count = count;
	return fits;
}

ssize_t sock_recv_fds(
	int sock, void *data, size_t size, int *ret_fds, unsigned fd_max, unsigned *ret_fd_count)
{
	struct iovec iov = {.iov_base = data, .iov_len = size};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * SOCK_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	unsigned count;
	bool fits = collect_fds(&msg, ret_fds, fd_max, &count);
	if (!fits || (msg.msg_flags & MSG_TRUNC)) {
		for (unsigned i = 0; i < count; i++)
			(void)close(ret_fds[i]);
		*ret_fd_count = 0;
		return -EMSGSIZE;
	}
	*ret_fd_count = count;
	return n;
}

unsigned sock_activated(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): called by main before there are threads */
	const char *pid_text = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
	unsigned pid, count = 0;

	if (pid_text && count_text && parse_unsigned(pid_text, 1, UINT32_MAX, &pid) == 0 &&
		(pid_t)pid == getpid() && parse_unsigned(count_text, 0, 64, &count) == 0)
		for (unsigned i = 0; i < count; i++)
			(void)fcntl(3 + (int)i, F_SETFD, FD_CLOEXEC);
	(void)unsetenv("LISTEN_PID"); /* NOLINT(concurrency-mt-unsafe) */
	(void)unsetenv("LISTEN_FDS"); /* NOLINT(concurrency-mt-unsafe) */
	(void)unsetenv("LISTEN_FDNAMES"); /* NOLINT(concurrency-mt-unsafe) */
	return count;
}
