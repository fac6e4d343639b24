/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-supervise: reads its options, which the agent writes, and runs supervisor.c. Internal: no
 * person starts it, so its words are few.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "agent/runtime/supervise/supervisor.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"

#define EXIT_USAGE 2

enum {
	OPT_STATE = 256,
	OPT_LOG,
	OPT_RESTART,
	OPT_STOP_TIMEOUT,
	OPT_MEMORY,
	OPT_TIMEOUT,
	OPT_PARENT,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option options[] = {
	{"state", required_argument, NULL, OPT_STATE},
	{"log", required_argument, NULL, OPT_LOG},
	{"restart", no_argument, NULL, OPT_RESTART},
	{"stop-timeout-ms", required_argument, NULL, OPT_STOP_TIMEOUT},
	{"memory-max", required_argument, NULL, OPT_MEMORY},
	{"timeout-ms", required_argument, NULL, OPT_TIMEOUT},
	{"parent", required_argument, NULL, OPT_PARENT},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

static const char usage[] =
	"usage: berth-supervise --state FILE [--log FILE] [--restart] [--stop-timeout-ms N]\n"
	"                       [--memory-max BYTES] [--timeout-ms N] [--parent PID] -- PROGRAM [ARG...]\n"
	"Started by berth-agent above each process of an app. Not meant to be called by hand.\n";

static int number(const char *name, uint64_t *ret)
{
	if (parse_u64(str_from(optarg), 0, INT64_MAX, ret) == 0)
		return 0;
	(void)fprintf(stderr, "berth-supervise: %s: '%s' is not a number\n", name, optarg);
	return -EINVAL;
}

static int parse_option(int option, struct supervise_options *o)
{
	uint64_t parent = 0;

	switch (option) {
	case OPT_STATE:
		o->state_path = optarg;
		return 0;
	case OPT_LOG:
		o->log_path = optarg;
		return 0;
	case OPT_RESTART:
		o->restart = true;
		return 0;
	case OPT_STOP_TIMEOUT:
		return number("--stop-timeout-ms", &o->stop_timeout_ms);
	case OPT_MEMORY:
		return number("--memory-max", &o->memory_max);
	case OPT_TIMEOUT:
		return number("--timeout-ms", &o->timeout_ms);
	case OPT_PARENT:
		if (number("--parent", &parent) < 0)
			return -EINVAL;
		o->parent = (pid_t)parent;
		return 0;
	default:
		return -EINVAL;
	}
}

int main(int argc, char **argv)
{
	struct supervise_options o = {.stop_timeout_ms = 10000};
	struct err err = {0};

	for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
		if (c == OPT_HELP || c == OPT_VERSION) {
			(void)fputs(c == OPT_HELP ? usage : "berth-supervise " BERTH_VERSION "\n",
				stdout);
			return 0;
		}
		if (parse_option(c, &o) < 0) {
			(void)fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (!o.state_path || optind >= argc) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	o.argv = (const char *const *)&argv[optind];
	if (supervise(&o, &err) < 0) {
		(void)fprintf(stderr, "berth-supervise: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	return 0;
}
