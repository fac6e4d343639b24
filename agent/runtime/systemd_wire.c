/* SPDX-License-Identifier: Apache-2.0
 *
 * The connection to berth-hostd: requests wait here until they are answered, whatever happens to
 * the socket meanwhile.
 */
#include <errno.h>

#include "agent/runtime/systemd.h"
#include "lib/sys/sock.h"

#define RECONNECT_S 0.5

struct request {
	struct list link;
	struct hostd_request packet;
	int fd;
	bool sent;
};

static void request_free(struct request *r)
{
	list_remove(&r->link);
	if (r->fd >= 0)
		(void)close(r->fd);
	free(r);
}

void systemd_disconnect(struct systemd *s)
{
	ev_io_stop(s->rt.loop, &s->on_readable);
	ev_io_stop(s->rt.loop, &s->on_writable);
	if (s->fd >= 0)
		(void)close(take_fd(&s->fd));
}

static void lost(struct systemd *s)
{
	systemd_disconnect(s);
	ev_timer_again(s->rt.loop, &s->reconnect);
}

static void flush(struct systemd *s)
{
	ev_io_stop(s->rt.loop, &s->on_writable);
	list_for_each (it, &s->requests) {
		struct request *r = container_of(it, struct request, link);
		if (s->fd < 0 || r->sent)
			continue;
		ssize_t n = sock_send_fds(
			s->fd, &r->packet, sizeof r->packet, &r->fd, r->fd >= 0 ? 1 : 0);
		if (n == -EAGAIN) {
			ev_io_start(s->rt.loop, &s->on_writable);
			return;
		}
		if (n < 0) {
			lost(s);
			return;
		}
		r->sent = true;
	}
}

void systemd_request(struct systemd *s, struct hostd_request *packet, int fd)
{
	struct request *r = xnew(struct request);

	packet->magic = HOSTD_MAGIC;
	packet->id = ++s->last_id;
	r->packet = *packet;
	r->fd = fd;
	list_append(&s->requests, &r->link);
	flush(s);
}

bool systemd_is_asked(const struct systemd *s, enum hostd_verb verb, const struct instance_id *id)
{
	list_for_each (it, &s->requests) {
		const struct request *r = container_of(it, struct request, link);
		if (r->packet.verb == verb && r->packet.release == id->release &&
			r->packet.index == id->index && streq(r->packet.app, id->app) &&
			streq(r->packet.process, id->process))
			return true;
	}
	return false;
}

static void on_reply(struct systemd *s, const struct hostd_message *m, int fd)
{
	list_for_each_safe (it, &s->requests) {
		struct request *r = container_of(it, struct request, link);
		if (r->packet.id != m->id)
			continue;
		const struct hostd_request packet = r->packet;
		request_free(r);
		systemd_on_reply(s, &packet, m, fd);
		return;
	}
	if (fd >= 0)
		(void)close(fd);
}

int systemd_receive(struct systemd *s)
{
	char packet[sizeof(struct hostd_message) + 1];
	_cleanup_close_ int fd = -1;
	struct hostd_message m;
	unsigned fds = 0;

	if (s->fd < 0)
		return -ENOTCONN;
	ssize_t n = sock_recv_fds(s->fd, packet, sizeof packet, &fd, 1, &fds);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0 || hostd_message_check(packet, (size_t)n, &m, NULL) < 0)
		return n < 0 ? (int)n : -ECONNRESET;
	if (m.type == HOSTD_REPLY)
		on_reply(s, &m, take_fd(&fd));
	else if (m.type == HOSTD_INSTANCE)
		systemd_on_instance(s, &m);
	else
		systemd_task_on_done(s, &m);
	return 1;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct systemd *s = container_of(watcher, struct systemd, on_readable);
	(void)loop;
	(void)events;

	int r = systemd_receive(s);
	if (r < 0)
		lost(s);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	flush(container_of(watcher, struct systemd, on_writable));
}

int systemd_connect(struct systemd *s, struct err *err)
{
	int fd = sock_connect_unix(s->socket, SOCK_SEQPACKET, true, err);

	if (fd < 0)
		return fd;
	s->fd = fd;
	ev_io_set(&s->on_readable, fd, EV_READ);
	ev_io_set(&s->on_writable, fd, EV_WRITE);
	ev_io_start(s->rt.loop, &s->on_readable);
	return 0;
}

/* hostd was restarted: what it had not answered is asked again, behind a look at what there is. */
static void on_reconnect(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct systemd *s = container_of(timer, struct systemd, reconnect);
	struct hostd_request hello = {.verb = HOSTD_HELLO};
	struct hostd_request list = {.verb = HOSTD_INSTANCE_LIST};
	(void)events;

	if (systemd_connect(s, NULL) < 0)
		return; /* the timer repeats */
	ev_timer_stop(loop, timer);
	list_for_each_safe (it, &s->requests) {
		struct request *r = container_of(it, struct request, link);
		r->sent = false;
		if (r->packet.verb == HOSTD_HELLO || r->packet.verb == HOSTD_INSTANCE_LIST)
			request_free(r);
	}
	s->listing++;
	systemd_request(s, &hello, -1);
	systemd_request(s, &list, -1);
}

void systemd_wire_init(struct systemd *s)
{
	s->fd = -1;
	list_init(&s->requests);
	ev_init(&s->on_readable, on_readable);
	ev_init(&s->on_writable, on_writable);
	ev_timer_init(&s->reconnect, on_reconnect, 0., RECONNECT_S);
}

void systemd_wire_free(struct systemd *s)
{
	systemd_disconnect(s);
	ev_timer_stop(s->rt.loop, &s->reconnect);
	list_for_each_safe (it, &s->requests)
		request_free(container_of(it, struct request, link));
}
