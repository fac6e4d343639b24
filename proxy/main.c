/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-proxy: arguments, signals, and the main thread's loop.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "lib/base/log.h"
#include "lib/base/options.h"
#include "proxy/control.h"

#define EXIT_USAGE 2

static void on_stop_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_reload_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct err err = {0};

	(void)loop;
	(void)events;
	if (proxy_reload(watcher->data, &err) < 0)
		log_error("table.refused", "error=\"%s\" serving=\"the table before\"", err.msg);
}

/* Two descriptors a request add up; the soft limit is meant for programs that use select(2). */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

struct signals {
	ev_signal terminate, interrupt, reload;
};

/* Before anything else: a signal that comes during the start is acted on after it. */
static void watch_signals(struct signals *s, struct ev_loop *loop, struct proxy *p)
{
	ev_signal_init(&s->terminate, on_stop_signal, SIGTERM);
	ev_signal_init(&s->interrupt, on_stop_signal, SIGINT);
	ev_signal_init(&s->reload, on_reload_signal, SIGHUP);
	s->reload.data = p;
	ev_signal_start(loop, &s->terminate);
	ev_signal_start(loop, &s->interrupt);
	ev_signal_start(loop, &s->reload);
}

static int run(struct proxy *p, const struct config *config, struct err *err)
{
	/* Signals are read like input: none can come at a bad moment. */
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_SIGNALFD);
	struct control *control = NULL;
	struct signals signals;

	must(loop);
	watch_signals(&signals, loop, p);
	int r = proxy_start(p, config, loop, err);
	if (r == 0 && config->control)
		r = control_open(p, config->control, &control, err);
	if (r < 0)
		return r;
	log_info("proxy.ready", "workers=%u sites=%zu version=%llu", config->workers,
		p->table->routes->site_count, (unsigned long long)p->table->routes->version);
	(void)ev_run(loop, 0);
	log_info("proxy.draining", "seconds=%llu",
		(unsigned long long)config->timeouts.drain / 1000);
	control_close(control);
	proxy_stop(p);
	return 0;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	bool check_only = false;
	const struct option_entry entries[] = {
		{"config", .text = &path, .value = "FILE", .required = true,
			.help = "JSON: addresses, route table, control socket, timeouts"},
		{"check", .flag = &check_only, .letter = 'n',
			.help = "check the configuration and the route table only"},
	};
	const struct options options = {"berth-proxy", BERTH_VERSION,
		"The reverse proxy of Berth: terminates TLS, routes requests to apps by host and path,\n"
		"serves static files. The agent keeps its route table up to date; it serves the table on\n"
		"disk without the agent, too.\n\n"
		"SIGTERM finishes requests in flight and exits; SIGHUP reads the route table again.",
		NULL, entries, ARRAY_SIZE(entries)};
	struct config config;
	struct proxy proxy;
	struct err err = {0};

	int usage = options_parse(&options, argc, argv, NULL);
	if (usage >= 0)
		return usage;
	if (config_load(path, &config, &err) < 0) {
		(void)fprintf(stderr, "berth-proxy: %s\n", err.msg);
		return EXIT_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	int r = check_only ? proxy_check(&config, &err) : run(&proxy, &config, &err);
	if (r < 0)
		(void)fprintf(stderr, "berth-proxy: %s\n", err.msg);
	else if (check_only)
		(void)puts("the configuration and the route table are good");
	config_release(&config);
	return r < 0 ? (check_only ? EXIT_USAGE : 1) : 0;
}
