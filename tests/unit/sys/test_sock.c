/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets: stale and live socket files, path lengths, peers, descriptors in messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/sys/file.h"
#include "lib/sys/sock.h"

static char tree[] = "/tmp/berth-sock.XXXXXX";

static int make_tree(void **state)
{
	(void)state;
	return mkdtemp(tree) ? 0 : -1;
}

static int remove_tree(void **state)
{
	(void)state;
	return file_remove_tree(tree, NULL);
}

static void listens_and_connects(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/s", tree);
	struct err err = {0};
	struct stat st;
	struct ucred peer;

	(void)state;
	assert_int_equal(sock_connect_unix(path, SOCK_STREAM, false, &err), -ENOENT);
	assert_non_null(strstr(err.msg, path));
	int listener = sock_listen_unix(path, SOCK_STREAM, 0660, &err);
	assert_true(listener >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(listener, F_GETFD) & FD_CLOEXEC);

	_cleanup_close_ int client = sock_connect_unix(path, SOCK_STREAM, true, &err);
	assert_true(client >= 0);
	_cleanup_close_ int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(sock_peer_credentials(server, &peer), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, getuid());

	/* A live socket is not taken over, a stale one is. */
	assert_int_equal(sock_listen_unix(path, SOCK_STREAM, 0660, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, path));
	(void)close(listener);
	_cleanup_close_ int again = sock_listen_unix(path, SOCK_STREAM, 0600, &err);
	assert_true(again >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void long_paths_are_refused(void **state)
{
	char path[120];
	struct err err = {0};

	(void)state;
	memset(path, 'a', sizeof path);
	memcpy(path, tree, strlen(tree));
	path[strlen(tree)] = '/';
	path[108] = '\0';
	assert_int_equal(sock_listen_unix(path, SOCK_STREAM, 0600, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "107"));
	path[107] = '\0';
	_cleanup_close_ int fd = sock_listen_unix(path, SOCK_STREAM, 0600, &err);
	assert_true(fd >= 0);
}

static void tcp(void **state)
{
	struct sockaddr_in address;
	socklen_t len = sizeof address;
	struct err err = {0};

	(void)state;
	_cleanup_close_ int fd = sock_listen_tcp("127.0.0.1", 0, false, &err);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	unsigned port = ntohs(address.sin_port);
	assert_int_equal(sock_listen_tcp("127.0.0.1", port, false, &err), -EADDRINUSE);
	_cleanup_free_ char *number = xasprintf("%u", port);
	assert_non_null(strstr(err.msg, number));
	assert_int_equal(sock_listen_tcp("localhost", 80, false, &err), -EINVAL);
	assert_int_equal(sock_listen_tcp("", 80, false, &err), -EINVAL);
	assert_int_equal(sock_listen_tcp("127.0.0.1", 65536, false, &err), -EINVAL);

	_cleanup_close_ int one = sock_listen_tcp("127.0.0.1", 0, true, &err);
	assert_int_equal(getsockname(one, (struct sockaddr *)&address, &len), 0);
	_cleanup_close_ int two = sock_listen_tcp("127.0.0.1", ntohs(address.sin_port), true, &err);
	assert_true(one >= 0 && two >= 0);
}

static int count_open(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void passes_descriptors(void **state)
{
	int pair[2], got[SOCK_FDS_MAX];
	unsigned count = 99;
	char text[8];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int fds[SOCK_FDS_MAX] = {null, null, null, null};
	int before = count_open();

	assert_int_equal(sock_send_fds(pair[0], "hi", 2, NULL, 0), 2);
	assert_int_equal(sock_recv_fds(pair[1], text, sizeof text, got, 4, &count), 2);
	assert_int_equal(count, 0);

	assert_int_equal(sock_send_fds(pair[0], "hi", 2, fds, SOCK_FDS_MAX), 2);
	assert_int_equal(sock_recv_fds(pair[1], text, sizeof text, got, SOCK_FDS_MAX, &count), 2);
	assert_int_equal(count, SOCK_FDS_MAX);
	for (unsigned i = 0; i < count; i++) {
		assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
		(void)close(got[i]);
	}
	/* More descriptors than wanted, or a cut message: refused, and nothing leaks. */
	assert_int_equal(sock_send_fds(pair[0], "hi", 2, fds, 3), 2);
	assert_int_equal(sock_recv_fds(pair[1], text, sizeof text, got, 2, &count), -EMSGSIZE);
	assert_int_equal(count, 0);
	assert_int_equal(sock_send_fds(pair[0], "much too long", 13, fds, 1), 13);
	assert_int_equal(sock_recv_fds(pair[1], text, sizeof text, got, 4, &count), -EMSGSIZE);
	assert_int_equal(count_open(), before);

	(void)close(pair[0]);
	assert_int_equal(sock_recv_fds(pair[1], text, sizeof text, got, 4, &count), 0);
	assert_int_equal(sock_send_fds(pair[1], "hi", 2, NULL, 0), -EPIPE);
	(void)close(pair[1]);
}

static void activation(void **state)
{
	char pid[16];

	(void)state;
	assert_int_equal(sock_activated(), 0);
	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	(void)setenv("LISTEN_PID", "1", 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	assert_int_equal(sock_activated(), 0);
	assert_null(getenv("LISTEN_FDS"));
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "two", 1);
	assert_int_equal(sock_activated(), 0);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	assert_int_equal(sock_activated(), 2);
	/* Once only: a child must not believe that they are its own. */
	assert_int_equal(sock_activated(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listens_and_connects),
		cmocka_unit_test(long_paths_are_refused),
		cmocka_unit_test(tcp),
		cmocka_unit_test(passes_descriptors),
		cmocka_unit_test(activation),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
