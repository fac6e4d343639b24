/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets: listening and connecting on UNIX paths, who the peer is, descriptors in messages, and
 * the sockets that a service manager hands down (sd_listen_fds(3), in twenty lines).
 */
#ifndef BERTH_SYS_SOCK_H
#define BERTH_SYS_SOCK_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "lib/base/err.h"

/* A listening UNIX socket (SOCK_STREAM or SOCK_SEQPACKET), non-blocking. A stale socket file is
 * replaced; a live one that somebody answers on is an error (-EADDRINUSE). fd or -errno. */
int sock_listen_unix(const char *path, int type, mode_t mode, struct err *err);

/* Connects; `nonblocking` makes the socket non-blocking before connect(2). fd or -errno. */
int sock_connect_unix(const char *path, int type, bool nonblocking, struct err *err);

/* A listening TCP socket on a numeric address ("127.0.0.1", "::"), non-blocking, SO_REUSEADDR,
 * and SO_REUSEPORT when asked. fd or -errno. */
int sock_listen_tcp(const char *address, unsigned port, bool reuse_port, struct err *err);

int sock_peer_credentials(int fd, struct ucred *ret);

/* One message with up to SOCK_FDS_MAX descriptors. Received descriptors are CLOEXEC and owned by
 * the caller; more than `fd_max` is refused and they are closed. Count of bytes, or -errno. */
#define SOCK_FDS_MAX 4
ssize_t sock_send_fds(int sock, const void *data, size_t len, const int *fds, unsigned fd_count);
ssize_t sock_recv_fds(
	int sock, void *data, size_t size, int *ret_fds, unsigned fd_max, unsigned *ret_fd_count);

/* Descriptors from socket activation: the first is 3; how many, 0 when none. Marks them CLOEXEC
 * and clears the variables. */
unsigned sock_activated(void);

#endif
