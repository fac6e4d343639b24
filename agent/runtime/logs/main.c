/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-logs: options only. Internal: started by the agent or by hostd.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "agent/runtime/logs/logs.h"
#include "lib/base/options.h"
#include "lib/base/parse.h"

#define LINES_MAX 10000
#define EXIT_USAGE 2

int main(int argc, char **argv)
{
	struct logs_options o = {0};
	uint64_t lines = 100;
	const struct option_entry entries[] = {
		{"dir", .text = &o.dir, .value = "DIR",
			.help = "log files of the embedded runtime"},
		{"journal", .text = &o.app, .value = "APP", .help = "or an app, from the journal"},
		{"process", .text = &o.process, .value = "NAME", .help = "lines of this one only"},
		{"lines", .number = &lines, .max = LINES_MAX, .help = "the last N; by default 100"},
		{"follow", .flag = &o.follow, .help = "and what comes then"},
	};
	const struct options options = {"berth-logs", BERTH_VERSION,
		"Prints an app's log lines as JSON lines. Started by berth-agent or berth-hostd.",
		NULL, entries, ARRAY_SIZE(entries)};
	struct err err = {0};

	int usage = options_parse(&options, argc, argv, NULL);
	if (usage >= 0)
		return usage;
	if (!o.dir == !o.app || (o.app && ident_check_app(o.app, NULL) < 0) ||
		(o.process && ident_check_process(o.process, NULL) < 0)) {
		(void)fputs(
			"berth-logs: needs either --dir DIR or --journal APP, and valid names\n",
			stderr);
		return EXIT_USAGE;
	}
	o.lines = (unsigned)lines;
	(void)signal(SIGPIPE, SIG_IGN);
	int r = o.dir ? logs_from_files(&o, &err) : logs_from_journal(&o, &err);
	if (r < 0)
		(void)fprintf(stderr, "berth-logs: %s\n", err.msg);
	return r < 0 ? EXIT_FAILURE : 0;
}
