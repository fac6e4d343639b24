/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-proxy: arguments, signals, and the main thread's loop.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "lib/base/log.h"
#include "proxy/control.h"

#define EXIT_USAGE 2

static const char help[] =
	"Usage: berth-proxy --config FILE [-n]\n"
	"\n"
	"The reverse proxy of Berth: terminates TLS, routes requests to apps by host and path,\n"
	"serves static files. The agent keeps its route table up to date; it serves the table on\n"
	"disk without the agent, too.\n"
	"\n"
	"  --config FILE   JSON: listening addresses, route table, control socket, timeouts\n"
	"  -n              check the configuration and the route table, then exit\n"
	"  --help          this text\n"
	"  --version       the version\n"
	"\n"
	"SIGTERM finishes requests in flight and exits; SIGHUP reads the route table again.\n";

struct options {
	const char *config;
	bool check_only;
};

static int usage_error(const char *argument)
{
	static const char *const known[] = {"--config", "-n", "--help", "--version"};
	const char *near = str_nearest(argument, known, ARRAY_SIZE(known));

	(void)fprintf(stderr, "berth-proxy: unknown argument '%s'%s%s%s; see --help\n", argument,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int parse_arguments(int argc, char **argv, struct options *ret)
{
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];
		if (streq(a, "--help") || streq(a, "-h")) {
			(void)fputs(help, stdout);
			return 0;
		}
		if (streq(a, "--version")) {
			(void)puts("berth-proxy " BERTH_VERSION);
			return 0;
		}
		if (streq(a, "-n")) {
			ret->check_only = true;
		} else if (has_prefix(a, "--config=")) {
			ret->config = a + strlen("--config=");
		} else if (streq(a, "--config")) {
			if (i + 1 == argc) {
				(void)fputs("berth-proxy: --config needs a file\n", stderr);
				return EXIT_USAGE;
			}
			ret->config = argv[++i];
		} else {
			return usage_error(a);
		}
	}
	if (ret->config)
		return -1;
	(void)fputs("berth-proxy: --config FILE is missing; see --help\n", stderr);
	return EXIT_USAGE;
}

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

static int run(struct proxy *p, const struct config *config, struct err *err)
{
	/* Signals are read like input: none can come at a bad moment. */
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_SIGNALFD);
	ev_signal terminate, interrupt, reload;
	struct control *control = NULL;

	must(loop);
	int r = proxy_start(p, config, loop, err);
	if (r < 0)
		return r;
	if (config->control) {
		r = control_open(p, config->control, &control, err);
		if (r < 0)
			return r;
	}
	ev_signal_init(&terminate, on_stop_signal, SIGTERM);
	ev_signal_init(&interrupt, on_stop_signal, SIGINT);
	ev_signal_init(&reload, on_reload_signal, SIGHUP);
	reload.data = p;
	ev_signal_start(loop, &terminate);
	ev_signal_start(loop, &interrupt);
	ev_signal_start(loop, &reload);
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
	struct options options = {0};
	struct config config;
	struct proxy proxy;
	struct err err = {0};

	int status = parse_arguments(argc, argv, &options);
	if (status >= 0)
		return status;
	if (config_load(options.config, &config, &err) < 0) {
		(void)fprintf(stderr, "berth-proxy: %s\n", err.msg);
		return EXIT_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	int r = options.check_only ? proxy_check(&config, &err) : run(&proxy, &config, &err);
	if (r < 0)
		(void)fprintf(stderr, "berth-proxy: %s\n", err.msg);
	else if (options.check_only)
		(void)puts("the configuration and the route table are good");
	config_release(&config);
	return r < 0 ? (options.check_only ? EXIT_USAGE : 1) : 0;
}
