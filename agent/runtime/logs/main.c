/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-logs: options only. Internal: started by the agent or by hostd.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "agent/runtime/logs/logs.h"
#include "lib/base/parse.h"

#define LINES_MAX 10000
#define EXIT_USAGE 2

static const char usage[] =
	"usage: berth-logs --dir DIR [--process NAME] [--lines N] [--follow]\n"
	"       berth-logs --journal APP [--process NAME] [--lines N] [--follow]\n"
	"Prints an app's log lines as JSON lines. Started by berth-agent or berth-hostd.\n";

static const struct option options[] = {
	{"dir", required_argument, NULL, 'd'},
	{"journal", required_argument, NULL, 'j'},
	{"process", required_argument, NULL, 'p'},
	{"lines", required_argument, NULL, 'n'},
	{"follow", no_argument, NULL, 'f'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{0},
};

static int parse_option(int option, struct logs_options *o)
{
	switch (option) {
	case 'd':
		o->dir = optarg;
		return 0;
	case 'j':
		o->app = optarg;
		return ident_check_app(optarg, NULL);
	case 'p':
		o->process = optarg;
		return ident_check_process(optarg, NULL);
	case 'n':
		return parse_unsigned(optarg, 0, LINES_MAX, &o->lines);
	case 'f':
		o->follow = true;
		return 0;
	default:
		return -EINVAL;
	}
}

int main(int argc, char **argv)
{
	struct logs_options o = {.lines = 100};
	struct err err = {0};

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'h' || c == 'v') {
			(void)fputs(c == 'h' ? usage : "berth-logs " BERTH_VERSION "\n", stdout);
			return 0;
		}
		if (parse_option(c, &o) < 0) {
			(void)fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (!o.dir == !o.app || optind != argc) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	int r = o.dir ? logs_from_files(&o, &err) : logs_from_journal(&o, &err);
	if (r < 0)
		(void)fprintf(stderr, "berth-logs: %s\n", err.msg);
	return r < 0 ? EXIT_FAILURE : 0;
}
