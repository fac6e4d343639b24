/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-hostd: the only program of Berth that is root. It listens on a SOCK_SEQPACKET socket that
 * systemd hands down, speaks to the agent's user and to root only, and does what verbs.h lists. Run
 * with --prepare or --ended it is one of the hooks around a unit (hooks.h).
 *
 * It must not: parse anything but fixed structures, take a path or a command from its peer, use the
 * network.
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "agent/hostd/hooks.h"
#include "agent/hostd/unit_text.h"
#include "agent/hostd/verbs.h"
#include "lib/base/log.h"
#include "lib/base/options.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/sys/sock.h"

#define PEERS_MAX 4

struct peer {
	uint64_t id; /* 0: free */
	int fd;
	struct sd_event_source *source;
};

struct server {
	struct sd_event *event;
	struct hostd *hostd;
	struct peer peers[PEERS_MAX];
	uint64_t last_id;
	uid_t agent;
};

static void peer_close(struct peer *p)
{
	if (p->id == 0)
		return;
	(void)sd_event_source_disable_unref(p->source);
	(void)close(p->fd);
	*p = (struct peer){.fd = -1};
}

/* A peer that does not read its messages is no agent. */
static void peer_send(struct peer *p, const struct hostd_message *message, int fd)
{
	ssize_t n = sock_send_fds(p->fd, message, sizeof *message, &fd, fd >= 0 ? 1 : 0);
	if (n < 0 && n != -EPIPE)
		log_warn("peer.send", "error=%s", strerrordesc_np((int)-n));
	if (n < 0)
		peer_close(p);
}

static void on_broadcast(void *data, const struct hostd_message *message)
{
	struct server *s = data;

	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (s->peers[i].id != 0)
			peer_send(&s->peers[i], message, -1);
}

static void on_reply(void *data, uint64_t peer, const struct hostd_message *message, int fd)
{
	struct server *s = data;

	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (s->peers[i].id == peer)
			peer_send(&s->peers[i], message, fd);
}

static int on_packet(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct server *s = data;
	char packet[sizeof(struct hostd_request) + 1];
	struct hostd_request request;
	struct peer *p = NULL;
	struct err err = {0};
	_cleanup_close_ int passed = -1;
	unsigned fds = 0;
	(void)source;
	(void)events;

	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (s->peers[i].id != 0 && s->peers[i].fd == fd)
			p = &s->peers[i];
	must(p);
	ssize_t n = sock_recv_fds(fd, packet, sizeof packet, &passed, 1, &fds);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0) {
		peer_close(p);
	} else if (hostd_request_check(packet, (size_t)n, &request, &err) < 0) {
		log_warn("peer.refused", "reason=%s", err.msg);
		peer_close(p);
	} else if ((request.verb == HOSTD_LOGS_OPEN) != (passed >= 0)) {
		log_warn("peer.refused", "reason=a descriptor is missing or too many");
		peer_close(p);
	} else {
		hostd_request(s->hostd, p->id, &request, passed);
	}
	return 0;
}

static int on_accept(sd_event_source *source, int listener, uint32_t events, void *data)
{
	struct server *s = data;
	struct peer *free_peer = NULL;
	struct ucred who;
	(void)source;
	(void)events;

	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return 0;
	if (sock_peer_credentials(fd, &who) < 0 || (who.uid != 0 && who.uid != s->agent)) {
		log_warn("peer.refused", "reason=its user is neither root nor " USER_AGENT);
		return 0;
	}
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (s->peers[i].id == 0)
			free_peer = &s->peers[i];
	if (!free_peer) {
		log_warn("peer.refused", "reason=too many connections");
		return 0;
	}
	free_peer->fd = take_fd(&fd);
	free_peer->id = ++s->last_id;
	if (sd_event_add_io(s->event, &free_peer->source, free_peer->fd, EPOLLIN, on_packet, s) < 0)
		peer_close(free_peer);
	return 0;
}

static int serve(struct server *s, int listener, struct err *err)
{
	const struct hostd_callbacks callbacks = {on_broadcast, on_reply, s};

	if (sd_event_default(&s->event) < 0)
		return err_set(err, ENOMEM, "cannot create an event loop");
	int r = hostd_new(s->event, &callbacks, &s->hostd, err);
	if (r < 0)
		return r;
	if (sd_event_add_io(s->event, NULL, listener, EPOLLIN, on_accept, s) < 0)
		return err_set(err, EIO, "cannot watch the socket");
	log_info("hostd.ready", "version=" BERTH_VERSION);
	r = sd_event_loop(s->event);
	return r < 0 ? err_errno(err, -r, "the event loop ended") : 0;
}

static int run_server(bool check_only, struct err *err)
{
	struct server s = {0};
	const struct passwd *agent = getpwnam(USER_AGENT);
	sigset_t set;

	if (!agent)
		return err_set(err, ENOENT, "there is no user " USER_AGENT "; install the package");
	if (geteuid() != 0)
		return err_set(err, EPERM, "must be run as root");
	if (check_only)
		return 0;
	if (sock_activated() != 1)
		return err_set(err, EINVAL,
			"expects one socket from systemd: start berth-hostd.socket instead");
	s.agent = agent->pw_uid;
	/* Children are waited for by sd-event, which wants the signal blocked. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	return serve(&s, 3, err);
}

static int run_hook(const char *name, bool ended, const char *code, struct err *err)
{
	struct hostd_request unit;

	if (name_parse(name, &unit) < 0)
		return err_set(err, EINVAL, "'%s' is not the name of a unit of ours", name);
	unit.code_release = unit.release;
	if (code && parse_unsigned(code, 1, UINT32_MAX, &unit.code_release) < 0)
		return err_set(err, EINVAL, "'%s' is not a release", code);
	return ended ? hook_ended(&unit, err) : hook_prepare(&unit, err);
}

int main(int argc, char **argv)
{
	const char *prepare = NULL, *ended = NULL, *code = NULL;
	bool check_only = false;
	const struct option_entry entries[] = {
		{"check", .flag = &check_only, .letter = 'n', .help = "check that it could serve"},
		{"prepare", .text = &prepare, .value = "UNIT",
			.help = "hook before one of its units"},
		{"ended", .text = &ended, .value = "UNIT", .help = "hook behind one of its units"},
		{"code", .text = &code, .value = "N", .help = "whose code the hook is about"},
	};
	const struct options options = {"berth-hostd", BERTH_VERSION,
		"Makes the units of apps, for berth-agent. Serves on the socket that systemd passes.",
		NULL, entries, ARRAY_SIZE(entries)};
	struct err err = {0};

	int usage = options_parse(&options, argc, argv, NULL);
	if (usage >= 0)
		return usage;
	const char *hook = prepare ? prepare : ended;
	int r = hook ? run_hook(hook, ended != NULL, code, &err) : run_server(check_only, &err);
	if (r < 0)
		log_error("hostd.failed", "error=%s", err.msg);
	return r < 0 ? EXIT_FAILURE : 0;
}
