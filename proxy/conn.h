/* SPDX-License-Identifier: Apache-2.0
 *
 * struct conn: a client's connection: stream, buffers, handshake, deadlines, closing. What the
 * bytes mean is the codec's business (http1.c); which one speaks is decided after the handshake.
 */
#ifndef BERTH_PROXY_CONN_H
#define BERTH_PROXY_CONN_H

#include "lib/base/buf.h"
#include "proxy/stream.h"
#include "proxy/worker.h"

#define CONN_PEER_SIZE 46

struct conn;

/* A protocol above the connection. Every function may close the connection. */
struct codec {
	/* Makes conn->session. */
	void (*open)(struct conn *c);
	/* Takes bytes, which it may change in place; answers how many. The rest is offered again,
	 * with more behind it, when wants_data() says so. */
	size_t (*on_data)(struct conn *c, char *data, size_t len);
	bool (*wants_data)(const struct conn *c);
	void (*on_eof)(struct conn *c); /* the client sends no more */
	void (*on_drained)(struct conn *c); /* everything that was queued is sent */
	void (*on_deadline)(struct conn *c);
	void (*on_drain)(struct conn *c); /* finish what is in flight, start nothing */
	void (*on_closed)(struct conn *c); /* release session; nothing can be sent any more */
};

enum conn_state {
	CONN_HANDSHAKE,
	CONN_OPEN,
	CONN_FINISHING, /* sends what is queued, then closes */
	CONN_LINGERING, /* reads and forgets until the client has read our last words */
	CONN_CLOSED,
};

struct conn {
	struct list link; /* worker->conns */
	struct corpse corpse;
	struct worker *worker;
	struct stream stream;
	ev_io readable, writable;
	struct deadline deadline;
	struct buf in, out; /* empty and without memory while the connection rests */
	enum conn_state state;
	bool secure, eof, lingers;
	bool file_waits; /* conn_sendfile() found the socket full */
	size_t linger_bytes;
	const struct codec *codec;
	void *session;
	char peer[CONN_PEER_SIZE];
};

/* Takes the socket. */
void conn_open(struct worker *w, int fd, bool secure, const char *peer);

/* Sends, or queues what cannot be sent now. -EPIPE when the connection is or becomes unusable (it
 * is closed then). */
int conn_send(struct conn *c, const struct iovec *iov, int n);

/* Sends from a file; plain connections only, with nothing queued. Count, -EAGAIN (on_drained will
 * tell), or another -errno after which the caller aborts. */
ssize_t conn_sendfile(struct conn *c, int fd, uint64_t offset, size_t n);

static inline bool conn_is_congested(const struct conn *c)
{
	return buf_len(&c->out) > 0;
}

/* Offers buffered bytes to the codec again, after wants_data() became true outside of on_data. */
void conn_resume(struct conn *c);

/* Adjusts what the loop watches after the codec's state changed outside of its callbacks. */
void conn_update(struct conn *c);

/* Sends what is queued and closes; with `lingers` the client may still be sending. */
void conn_finish(struct conn *c, bool lingers);

/* Closes at once; with a reset, so that the client sees that something is missing. */
void conn_abort(struct conn *c);
void conn_close(struct conn *c);
void conn_drain(struct conn *c);

#endif
