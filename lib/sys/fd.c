/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors.
 */
#include "lib/sys/fd.h"

#include <errno.h>
#include <fcntl.h>

int fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

ssize_t fd_read(int fd, struct buf *b, size_t n)
{
	if (n > buf_room(b))
		n = buf_room(b);
	if (n == 0)
		return -ENOBUFS;
	char *to = buf_reserve(b, n);
	for (;;) {
		ssize_t k = read(fd, to, n);
		if (k >= 0) {
			buf_commit(b, (size_t)k);
			return k;
		}
		if (errno != EINTR)
			return -errno;
	}
}

int fd_read_all(int fd, struct buf *b)
{
	for (;;) {
		if (buf_room(b) == 0) {
			char extra;
			ssize_t k = read(fd, &extra, 1);
			return k == 0 ? 0 : k < 0 ? -errno : -ENOBUFS;
		}
		ssize_t k = fd_read(fd, b, 65536);
		if (k <= 0)
			return (int)k;
	}
}

ssize_t fd_write(int fd, struct buf *b)
{
	for (;;) {
		ssize_t k = write(fd, buf_data(b), buf_len(b));
		if (k >= 0) {
			buf_consume(b, (size_t)k);
			return k;
		}
		if (errno != EINTR)
			return -errno;
	}
}
