/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening, accepting, burying.
 */
#include "agent/api/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/sys/sock.h"

#define ACCEPT_RETRY_S 0.5

static void update_listener(struct listener *l)
{
	if (l->fd >= 0 && l->count < API_CONNECTIONS_MAX && !ev_is_active(&l->retry))
		ev_io_start(l->api->loop, &l->acceptable);
	else
		ev_io_stop(l->api->loop, &l->acceptable);
}

static bool may_connect(const struct listener *l, int fd)
{
	const struct api_config *config = l->api->config;
	int64_t group = l->origin == CONN_LOCAL ? config->admin_group : config->proxy_group;

	return access_check_peer(fd, group) == 0;
}

static void on_acceptable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct listener *l = w->data;
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		log_warn("api.accept", "path=%s errno=%d", l->path, errno);
		ev_timer_start(loop, &l->retry);
	} else if (!may_connect(l, fd)) {
		log_warn("api.peer_refused", "path=%s", l->path);
		(void)close(fd);
	} else {
		l->count++;
		conn_open(l->api, fd, l->origin);
	}
	update_listener(l);
}

static void on_retry(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct listener *l = w->data;

	(void)events;
	ev_timer_stop(loop, w);
	ev_timer_set(w, ACCEPT_RETRY_S, 0.);
	update_listener(l);
}

static int listener_open(struct listener *l, const char *path, int64_t group, struct err *err)
{
	int fd = sock_listen_unix(path, SOCK_STREAM, 0600, err);
	if (fd < 0)
		return fd;
	l->fd = fd;
	l->path = xstrdup(path);
	/* First whose it is, then what they may. */
	if (group >= 0 && (chown(path, (uid_t)-1, (gid_t)group) < 0 || chmod(path, 0660) < 0))
		return err_errno(
			err, errno, "cannot give %s to group %lld", path, (long long)group);
	ev_io_init(&l->acceptable, on_acceptable, fd, EV_READ);
	l->acceptable.data = l;
	update_listener(l);
	return 0;
}

static void listener_close(struct listener *l)
{
	ev_timer_stop(l->api->loop, &l->retry);
	if (l->fd < 0)
		return;
	ev_io_stop(l->api->loop, &l->acceptable);
	(void)close(take_fd(&l->fd));
	(void)unlink(l->path);
	free(l->path);
}

static void free_dead(struct api *api)
{
	struct list *it;

	while ((it = list_pop_front(&api->dead)) != NULL)
		conn_free(container_of(it, struct conn, link));
}

static void on_loop_end(struct ev_loop *loop, struct ev_prepare *w, int events)
{
	(void)loop;
	(void)events;
	free_dead(w->data);
}

void api_bury(struct api *api, struct conn *c)
{
	struct listener *l = c->origin == CONN_LOCAL ? &api->local : &api->proxy;

	list_remove(&c->link);
	list_append(&api->dead, &c->link);
	must(l->count > 0);
	l->count--;
	update_listener(l);
}

static void listener_init(struct api *api, struct listener *l, enum conn_origin origin)
{
	l->api = api;
	l->origin = origin;
	l->fd = -1;
	ev_timer_init(&l->retry, on_retry, ACCEPT_RETRY_S, 0.);
	l->retry.data = l;
}

struct api *api_new(struct ev_loop *loop, const struct api_config *config, struct err *err)
{
	struct api *api = xnew(struct api);

	api->loop = loop;
	api->config = config;
	api->access = access_new(config->store);
	list_init(&api->conns);
	list_init(&api->dead);
	list_init(&api->pushes);
	listener_init(api, &api->local, CONN_LOCAL);
	listener_init(api, &api->proxy, CONN_PROXY);
	ev_prepare_init(&api->reaper, on_loop_end);
	api->reaper.data = api;
	ev_prepare_start(loop, &api->reaper);
	if (listener_open(&api->local, config->agent_path, config->admin_group, err) < 0 ||
		listener_open(&api->proxy, config->proxy_path, config->proxy_group, err) < 0) {
		api_free(api);
		return NULL;
	}
	return api;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	listener_close(&api->local);
	listener_close(&api->proxy);
	list_for_each_safe (it, &api->conns)
		conn_close(container_of(it, struct conn, link));
	free_dead(api);
	api_end_pushes(api);
	ev_prepare_stop(api->loop, &api->reaper);
	access_free(api->access);
	free(api);
}
