/* SPDX-License-Identifier: Apache-2.0
 *
 * Accepting.
 */
#include "proxy/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/base/log.h"
#include "proxy/conn.h"

/* Connections taken in one round: others in the loop must get their turn. */
#define ACCEPTS_PER_ROUND 32
#define PAUSE_SECONDS 0.1

static void set_options(int fd)
{
	const int on = 1, idle = 60, interval = 20, probes = 3;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/* Event streams and tunnels have no deadline of ours: dead peers are found by the kernel. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void format_peer(const struct sockaddr_storage *from, char to[CONN_PEER_SIZE])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
	const char *ok = NULL;

	if (from->ss_family == AF_INET)
		ok = inet_ntop(AF_INET, &v4->sin_addr, to, CONN_PEER_SIZE);
	else if (from->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		ok = inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], to, CONN_PEER_SIZE);
	else if (from->ss_family == AF_INET6)
		ok = inet_ntop(AF_INET6, &v6->sin6_addr, to, CONN_PEER_SIZE);
	if (!ok)
		memcpy(to, "127.0.0.1", sizeof "127.0.0.1");
}

static bool is_exhaustion(int code)
{
	return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/* One connection: 0, or -errno of accept. */
static int accept_one(struct listener *l)
{
	struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof from;
	char peer[CONN_PEER_SIZE];

	int fd = accept4(l->io.fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	set_options(fd);
	format_peer(&from, peer);
	conn_open(l->worker, fd, l->secure, peer);
	return 0;
}

/* The socket stays readable: without a pause the loop would spin. Said once, until the queue was
 * empty again. */
static void pause_accepting(struct listener *l, int code)
{
	if (!l->exhausted)
		log_warn("accept.exhausted", "error=\"%s\"", strerrorname_np(code));
	l->exhausted = true;
	ev_io_stop(l->worker->loop, &l->io);
	/* Set each time: a timer that has fired would fire again at once. */
	ev_timer_set(&l->pause, PAUSE_SECONDS, 0.);
	ev_timer_start(l->worker->loop, &l->pause);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
	struct listener *l = container_of(io, struct listener, io);

	(void)loop;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
		int r = accept_one(l);
		if (r == -EAGAIN) {
			l->exhausted = false;
			return;
		}
		if (r < 0 && is_exhaustion(-r)) {
			pause_accepting(l, -r);
			return;
		}
	}
}

static void on_pause_end(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct listener *l = container_of(timer, struct listener, pause);

	(void)events;
	ev_io_start(loop, &l->io);
}

struct listener *listener_open(struct worker *w, int fd, bool secure)
{
	struct listener *l = xnew(struct listener);

	l->worker = w;
	l->secure = secure;
	ev_io_init(&l->io, on_connection, fd, EV_READ);
	ev_timer_init(&l->pause, on_pause_end, 0., 0.);
	ev_io_start(w->loop, &l->io);
	list_append(&w->listeners, &l->link);
	return l;
}

static void destroy(struct corpse *c)
{
	free(container_of(c, struct listener, corpse));
}

void listener_close(struct listener *l)
{
	/* Clients in the queue have connected as far as they know. */
	while (!l->inherited && accept_one(l) == 0)
		;
	ev_io_stop(l->worker->loop, &l->io);
	ev_timer_stop(l->worker->loop, &l->pause);
	(void)close(l->io.fd);
	list_remove(&l->link);
	worker_bury(l->worker, &l->corpse, destroy);
}
