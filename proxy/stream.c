/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain streams.
 */
#include "proxy/stream.h"

#include <errno.h>
#include <sys/socket.h>

static ssize_t plain_read(struct stream *s, void *to, size_t n)
{
	for (;;) {
		ssize_t k = recv(s->fd, to, n, 0);
		if (k >= 0)
			return k;
		if (errno != EINTR)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
}

static ssize_t plain_writev(struct stream *s, const struct iovec *iov, int n)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};

	for (;;) {
		ssize_t k = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
		if (k >= 0)
			return k;
		if (errno != EINTR)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
}

static void plain_finish(struct stream *s)
{
	(void)shutdown(s->fd, SHUT_WR);
}

static const struct stream_ops plain_ops = {
	.read = plain_read,
	.writev = plain_writev,
	.finish = plain_finish,
	.can_sendfile = true,
};

void stream_init_plain(struct stream *s, int fd)
{
	*s = (struct stream){.ops = &plain_ops, .fd = fd};
}

void stream_close(struct stream *s)
{
	if (s->ops && s->ops->release)
		s->ops->release(s);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	s->ssl = NULL;
}
