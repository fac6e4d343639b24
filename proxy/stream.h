/* SPDX-License-Identifier: Apache-2.0
 *
 * struct stream: bytes to and from a peer over a non-blocking socket, plain or TLS, behind one
 * small table of functions. Knows no event loop: it says what it waits for.
 */
#ifndef BERTH_PROXY_STREAM_H
#define BERTH_PROXY_STREAM_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "lib/base/base.h"

struct ssl_st;
struct stream;

struct stream_ops {
	/* Count, 0 at the end of the stream, -EAGAIN, or another -errno. */
	ssize_t (*read)(struct stream *s, void *to, size_t n);
	/* Count of bytes taken (at least 1), -EAGAIN, or another -errno. */
	ssize_t (*writev)(struct stream *s, const struct iovec *iov, int n);
	/* Tells the peer that nothing more comes. */
	void (*finish)(struct stream *s);
	void (*release)(struct stream *s);
	/* Bytes wait inside the stream although the socket may have none. */
	bool (*has_pending)(const struct stream *s);
	bool can_sendfile; /* what is written to the socket is what the peer reads */
};

struct stream {
	const struct stream_ops *ops;
	int fd; /* owned */
	struct ssl_st *ssl; /* owned; TLS only */
	bool wants_write; /* the last -EAGAIN of a read or handshake waits for writability */
};

/* Takes a connected, non-blocking socket. */
void stream_init_plain(struct stream *s, int fd);

/* Closes the socket and frees what belongs to the stream; safe to call twice. */
void stream_close(struct stream *s);

static inline ssize_t stream_read(struct stream *s, void *to, size_t n)
{
	return s->ops->read(s, to, n);
}

static inline ssize_t stream_writev(struct stream *s, const struct iovec *iov, int n)
{
	return s->ops->writev(s, iov, n);
}

static inline bool stream_has_pending(const struct stream *s)
{
	return s->ops->has_pending && s->ops->has_pending(s);
}

#endif
