/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-agent: flags, configuration, the loop, signals. What it consists of is in agent/agent.c.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/notify.h"
#include "lib/base/ident.h"
#include "lib/base/log.h"
#include "lib/base/options.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

#define CONFIG_PATH "/etc/berth/agent.yaml"
#define DESCRIPTORS_MIN 1024
#define STANDALONE_HTTP_PORT 8080
#define STANDALONE_HTTPS_PORT 8443

enum exit_status { DONE = 0, FAILED = 1, USAGE = 2 };

struct flags {
	const char *standalone, *config, *http_port, *https_port, *admin_host;
	bool check, show_config, verbose;
};

struct program {
	struct ev_loop *loop;
	struct agent *agent;
	const char *dir; /* standalone: its absolute path */
	struct ev_signal on_term, on_int, on_hup;
	bool is_failed;
};

static enum exit_status complain(enum exit_status status, const char *words)
{
	(void)fprintf(stderr, "berth-agent: %s\n", words);
	return status;
}

static int read_port(const char *flag, const char *text, uint64_t *ret, struct err *err)
{
	unsigned port;

	if (!text)
		return 0;
	if (parse_unsigned(text, 1, UINT16_MAX, &port) < 0)
		return err_set(
			err, EINVAL, "--%s must be a number from 1 to 65535, not '%s'", flag, text);
	*ret = port;
	return 0;
}

/* The file, and the flags over it. */
static int read_config(const struct flags *f, struct agent_config *c, struct err *err)
{
	const char *path = f->config ? f->config : f->standalone ? NULL : CONFIG_PATH;

	/* A host that has no file is configured by the defaults; one that was named must exist. */
	if (path && (f->config || file_exists(path))) {
		int r = config_load(path, c, err);
		if (r < 0)
			return r;
	} else {
		config_init(c);
	}
	if (f->standalone && !path) {
		c->http_port = STANDALONE_HTTP_PORT;
		c->https_port = STANDALONE_HTTPS_PORT;
	}
	if (f->admin_host)
		c->admin_host = f->admin_host[0] ? f->admin_host : NULL;
	int r = read_port("http-port", f->http_port, &c->http_port, err);
	if (r == 0)
		r = read_port("https-port", f->https_port, &c->https_port, err);
	if (r == 0 && c->http_port == c->https_port)
		r = err_set(err, EINVAL, "--http-port and --https-port must differ");
	if (r == 0 && c->admin_host)
		r = ident_check_domain(c->admin_host, false, err);
	if (r < 0)
		config_release(c);
	return r;
}

static void on_ready(void *data)
{
	const struct program *p = data;
	const char *url = agent_url(p->agent);

	log_info("agent.ready", "url=%s", url ? url : "-");
	if (p->dir) {
		printf("ready %s %s\n", url ? url : "-", p->dir);
		(void)fflush(stdout);
	}
	notify_manager("READY=1");
}

/* On a host the proxy is another unit, and the agent is of use without it. */
static void on_failed(void *data)
{
	struct program *p = data;

	if (!p->dir) {
		log_warn("agent.no_proxy", "berth-proxy does not answer; going on without it");
		notify_manager("READY=1");
		return;
	}
	log_error("agent.no_proxy", "berth-proxy does not come up; see %s/proxy/proxy.log", p->dir);
	p->is_failed = true;
	agent_stop(p->agent);
}

static void on_stopped(void *data)
{
	struct program *p = data;
	ev_break(p->loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, struct ev_signal *w, int events)
{
	struct program *p = w->data;

	(void)events;
	log_info("agent.stopping", "signal=%d", w->signum);
	notify_manager("STOPPING=1");
	/* Whoever asks again does not want to wait. */
	ev_signal_stop(loop, &p->on_term);
	ev_signal_stop(loop, &p->on_int);
	ev_signal_stop(loop, &p->on_hup);
	agent_stop(p->agent);
}

/* SIGHUP is the terminal of a standalone agent that was closed. */
static void watch_signals(struct program *p)
{
	struct ev_signal *const signals[] = {&p->on_term, &p->on_int, &p->on_hup};
	const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		ev_signal_init(signals[i], on_signal, numbers[i]);
		signals[i]->data = p;
		ev_signal_start(p->loop, signals[i]);
	}
}

/* Whoever started us with 0, 1 or 2 closed would find what we print in one of our files. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR); /* NOLINT(android-cloexec-open): children have it */
	while (fd >= 0 && fd <= STDERR_FILENO);
	closep(&fd);
}

/* Connections, children and logs take descriptors; nothing here uses select(2) with them. */
static void raise_limits(void)
{
	struct rlimit limit = {0};

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < 16384 ? limit.rlim_max : 16384;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < DESCRIPTORS_MIN)
		log_warn("agent.limits",
			"only %llu open files are allowed; raise it with ulimit -n",
			(unsigned long long)limit.rlim_cur);
}

static enum exit_status run(const struct agent_config *config, const char *dir)
{
	struct program p = {.dir = dir};
	const struct agent_options options = {.config = config, .standalone_dir = dir};
	const struct agent_events events = {
		.on_ready = on_ready, .on_failed = on_failed, .on_stopped = on_stopped, .data = &p};
	struct err err = {0};

	/* Not the default loop: that one would reap every child itself. */
	p.loop = ev_loop_new(EVFLAG_AUTO);
	must(p.loop);
	watch_signals(&p);
	int r = agent_new(p.loop, &options, &events, &p.agent, &err);
	if (r == 0)
		ev_run(p.loop, 0);
	agent_free(p.agent);
	ev_loop_destroy(p.loop);
	if (r < 0)
		return complain(FAILED, err.msg);
	return p.is_failed ? FAILED : DONE;
}

/* realpath(3) of a folder that may not exist yet: made first, as it would be later. */
static int resolve_dir(const char *dir, char **ret, struct err *err)
{
	int r = file_make_dirs(dir, 0700, err);
	if (r < 0)
		return r;
	*ret = realpath(dir, NULL);
	return *ret ? 0 : err_errno(err, errno, "cannot resolve %s", dir);
}

static enum exit_status serve(const struct flags *f, const struct agent_config *config)
{
	_cleanup_free_ char *dir = NULL;
	struct err err;

	(void)umask(022);
	log_set_level(f->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	raise_limits();
	if (f->standalone && resolve_dir(f->standalone, &dir, &err) < 0)
		return complain(FAILED, err.msg);
	return run(config, dir);
}

int main(int argc, char **argv)
{
	struct flags f = {0};
	const struct option_entry entries[] = {
		{"standalone", .text = &f.standalone, .value = "DIR",
			.help = "run everything below this folder, without root and systemd"},
		{"config", .text = &f.config, .value = "FILE", .help = "by default " CONFIG_PATH},
		{"http-port", .text = &f.http_port, .value = "PORT",
			.help = "8080 in standalone mode"},
		{"https-port", .text = &f.https_port, .value = "PORT",
			.help = "8443 in standalone mode"},
		{"admin-host", .text = &f.admin_host, .value = "NAME",
			.help = "under which the proxy offers the API"},
		{"check", .flag = &f.check, .letter = 'n', .help = "check the configuration only"},
		{"show-config", .flag = &f.show_config,
			.help = "print every key, what it means, its value"},
		{"verbose", .flag = &f.verbose, .letter = 'v', .help = "log more"},
	};
	const struct options options = {"berth-agent", BERTH_VERSION,
		"Receives, builds and runs the apps of this host.", NULL, entries,
		ARRAY_SIZE(entries)};
	struct agent_config config;
	struct err err;

	fill_standard_descriptors();
	int usage = options_parse(&options, argc, argv, NULL);
	if (usage >= 0)
		return usage;
	if (f.standalone && f.standalone[0] == '\0')
		return complain(USAGE, "--standalone needs a folder");
	if (read_config(&f, &config, &err) < 0)
		return complain(USAGE, err.msg);
	enum exit_status status = DONE;
	if (f.show_config)
		config_show(&config, stdout);
	else if (f.check)
		puts("the configuration is valid");
	else
		status = serve(&f, &config);
	config_release(&config);
	return (int)status;
}
