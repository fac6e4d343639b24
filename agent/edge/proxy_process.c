/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting, adopting, watching and ending the proxy. A pid file names it by pid and start time, so
 * that a number that was used again is never taken for it.
 */
#include "agent/edge/proxy_process.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"
#include "lib/sys/proc.h"
#include "lib/sys/sock.h"

#define RETRY_FIRST_S 0.1
#define RETRY_MAX_S 5.0
#define STEADY_S 10. /* a proxy that lived this long starts with the first delay again */
#define STOP_S 8. /* then SIGKILL */
#define DRAIN_MS 5000
#define LOG_MAX (4 << 20)

struct proxy_process {
	struct ev_loop *loop;
	char *program, *dir, *config_path, *pid_path, *log_path;
	pid_t pid; /* 0: not running */
	bool is_child;
	int pidfd;
	struct ev_io exited;
	struct ev_timer retry, kill;
	double retry_after;
	ev_tstamp started;
	bool is_stopping;
	void (*on_ended)(void *data);
	void *data;
};

static void on_exited(struct ev_loop *loop, struct ev_io *w, int events);

static void watch(struct proxy_process *p, pid_t pid, int pidfd, bool is_child)
{
	p->pid = pid;
	p->pidfd = pidfd;
	p->is_child = is_child;
	p->started = ev_now(p->loop);
	ev_io_init(&p->exited, on_exited, pidfd, EV_READ);
	p->exited.data = p;
	ev_io_start(p->loop, &p->exited);
}

/* The log of a proxy that nobody cleans up after is kept once more, then forgotten. */
static int open_log(const struct proxy_process *p)
{
	struct stat st;

	if (stat(p->log_path, &st) == 0 && st.st_size > LOG_MAX) {
		_cleanup_free_ char *old = xasprintf("%s.1", p->log_path);
		(void)rename(p->log_path, old);
	}
	return open(p->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int start(struct proxy_process *p, struct err *err)
{
	const char *argv[] = {p->program, "--config", p->config_path, NULL};
	_cleanup_close_ int log = open_log(p);
	const struct proc_spec spec = {
		.argv = argv, .fds = {-1, log, log}, .fd_count = 3}; /* outlives the agent */
	int pidfd;
	pid_t pid;
	int r = proc_spawn(&spec, &pid, &pidfd, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *line =
		xasprintf("%d %llu\n", (int)pid, (unsigned long long)proc_start_time(pid));
	if (file_replace(p->pid_path, line, strlen(line), 0600, err) < 0)
		log_warn("proxy.pid_file", "error=\"%s\"", err->msg);
	watch(p, pid, pidfd, true);
	log_info("proxy.started", "pid=%d", (int)pid);
	return 0;
}

static void finish_stop(struct proxy_process *p)
{
	ev_timer_stop(p->loop, &p->kill);
	(void)unlink(p->pid_path);
	if (p->on_ended)
		p->on_ended(p->data);
}

static void on_exited(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct proxy_process *p = w->data;
	char words[80] = "has ended";
	int status;

	(void)events;
	ev_io_stop(loop, w);
	(void)close(p->pidfd);
	if (p->is_child && waitpid(p->pid, &status, WNOHANG) > 0)
		proc_describe_status(status, words, sizeof words);
	p->pid = 0;
	if (p->is_stopping) {
		finish_stop(p);
		return;
	}
	if (ev_now(loop) - p->started > STEADY_S)
		p->retry_after = RETRY_FIRST_S;
	log_warn("proxy.ended", "reason=\"%s\" log=%s", words, p->log_path);
	ev_timer_set(&p->retry, p->retry_after, 0.);
	ev_timer_start(loop, &p->retry);
	p->retry_after = p->retry_after * 2 < RETRY_MAX_S ? p->retry_after * 2 : RETRY_MAX_S;
}

static void on_retry(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct proxy_process *p = w->data;
	struct err err;

	(void)events;
	if (start(p, &err) < 0) {
		log_error("proxy.start", "error=\"%s\"", err.msg);
		ev_timer_set(w, RETRY_MAX_S, 0.);
		ev_timer_start(loop, w);
	}
}

static void on_kill(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct proxy_process *p = w->data;

	(void)loop;
	(void)events;
	if (p->pid != 0)
		(void)kill(p->pid, SIGKILL);
}

/* The proxy of a former agent, if it lives: its pid, else 0. */
static pid_t find_running(const struct proxy_process *p)
{
	_cleanup_free_ char *text = NULL;
	uint64_t pid, start_time;
	struct str rest, first;

	if (file_read(p->pid_path, 64, &text, NULL, NULL) < 0)
		return 0;
	rest = str_trim((struct str){text, strcspn(text, "\n")});
	if (!str_split(&rest, ' ', &first) || parse_u64(first, 2, INT32_MAX, &pid) < 0 ||
		parse_u64(rest, 1, UINT64_MAX, &start_time) < 0)
		return 0;
	return proc_start_time((pid_t)pid) == start_time ? (pid_t)pid : 0;
}

static int adopt(struct proxy_process *p, pid_t pid, struct err *err)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return err_errno(err, errno, "cannot watch the proxy (process %d)", (int)pid);
	watch(p, pid, pidfd, false);
	log_info("proxy.adopted", "pid=%d", (int)pid);
	return 0;
}

/* Waits for its end. Seldom, and before anything is served. */
static void end_now(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	(void)kill(pid, SIGTERM);
	for (int i = 0; pidfd >= 0 && i < 2; i++) {
		fd_set set;
		struct timeval wait = {.tv_sec = 6};
		FD_ZERO(&set);
		FD_SET(pidfd, &set);
		if (select(pidfd + 1, &set, NULL, NULL, &wait) > 0)
			break;
		(void)kill(pid, SIGKILL);
	}
	closep(&pidfd);
}

static bool has_ipv6_loopback(void)
{
	int fd = sock_listen_tcp("::1", 0, false, NULL);
	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

static char *make_config(const struct proxy_process_config *c)
{
	bool v6 = has_ipv6_loopback();
	json_t *http = json_array(), *https = json_array();
	_cleanup_free_ char *http4 = xasprintf("127.0.0.1:%u", c->http_port);
	_cleanup_free_ char *https4 = xasprintf("127.0.0.1:%u", c->https_port);
	_cleanup_free_ char *http6 = xasprintf("[::1]:%u", c->http_port);
	_cleanup_free_ char *https6 = xasprintf("[::1]:%u", c->https_port);

	must(json_array_append_new(http, json_string(http4)) == 0 &&
		json_array_append_new(https, json_string(https4)) == 0);
	if (v6)
		must(json_array_append_new(http, json_string(http6)) == 0 &&
			json_array_append_new(https, json_string(https6)) == 0);
	json_t *o = json_pack("{s:o,s:o,s:s,s:s,s:i,s:i,s:{s:i}}", "http", http, "https", https,
		"control", c->control_path, "routes", c->routes_path, "workers", 2, "https_port",
		(int)c->https_port, "timeouts", "drain", DRAIN_MS);
	must(o);
	char *text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	must(text);
	return text;
}

static int check_port(unsigned port, const char *flag, struct err *err)
{
	int fd = sock_listen_tcp("127.0.0.1", port, false, err);

	if (fd == -EADDRINUSE)
		return err_set(err, EADDRINUSE,
			"port %u is in use; see by whom with: ss -ltnp sport = :%u; or choose "
			"another with %s",
			port, port, flag);
	if (fd == -EACCES)
		return err_set(err, EACCES, "port %u needs root; choose one above 1023 with %s",
			port, flag);
	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

static int start_or_adopt(
	struct proxy_process *p, const struct proxy_process_config *c, struct err *err)
{
	_cleanup_free_ char *config = make_config(c), *old = NULL;
	pid_t running = find_running(p);

	if (running != 0 && file_read(p->config_path, 65536, &old, NULL, NULL) == 0 &&
		streq(old, config))
		return adopt(p, running, err);
	if (running != 0) {
		/* Its ports or paths are not those that are wanted now. */
		log_info("proxy.replaced", "pid=%d", (int)running);
		end_now(running);
	}
	int r = check_port(c->http_port, "--http-port", err);
	if (r == 0)
		r = check_port(c->https_port, "--https-port", err);
	if (r == 0)
		r = file_update(p->config_path, config, strlen(config), 0600, err);
	return r < 0 ? r : start(p, err);
}

int proxy_process_new(struct ev_loop *loop, const struct proxy_process_config *c,
	struct proxy_process **ret, struct err *err)
{
	struct proxy_process *p = xnew(struct proxy_process);

	p->loop = loop;
	p->program = xstrdup(c->program);
	p->dir = xstrdup(c->dir);
	p->config_path = xasprintf("%s/proxy.json", c->dir);
	p->pid_path = xasprintf("%s/proxy.pid", c->dir);
	p->log_path = xasprintf("%s/proxy.log", c->dir);
	p->retry_after = RETRY_FIRST_S;
	ev_init(&p->exited, on_exited);
	ev_timer_init(&p->retry, on_retry, 0., 0.);
	ev_timer_init(&p->kill, on_kill, STOP_S, 0.);
	p->exited.data = p->retry.data = p->kill.data = p;
	int r = start_or_adopt(p, c, err);
	if (r < 0) {
		proxy_process_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void proxy_process_stop(struct proxy_process *p, void (*on_ended)(void *data), void *data)
{
	p->is_stopping = true;
	p->on_ended = on_ended;
	p->data = data;
	ev_timer_stop(p->loop, &p->retry);
	if (p->pid == 0) {
		finish_stop(p);
		return;
	}
	(void)kill(p->pid, SIGTERM);
	ev_timer_start(p->loop, &p->kill);
}

void proxy_process_undo(struct proxy_process *p)
{
	if (!p || p->pid == 0 || !p->is_child)
		return;
	ev_io_stop(p->loop, &p->exited);
	end_now(p->pid);
	(void)waitpid(p->pid, NULL, 0);
	(void)close(p->pidfd);
	(void)unlink(p->pid_path);
	p->pid = 0;
}

void proxy_process_free(struct proxy_process *p)
{
	if (!p)
		return;
	ev_timer_stop(p->loop, &p->retry);
	ev_timer_stop(p->loop, &p->kill);
	if (p->pid != 0) {
		ev_io_stop(p->loop, &p->exited);
		(void)close(p->pidfd);
	}
	free(p->program);
	free(p->dir);
	free(p->config_path);
	free(p->pid_path);
	free(p->log_path);
	free(p);
}
