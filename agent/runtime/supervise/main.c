/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-supervise: reads its options, which the agent writes, and runs supervisor.c. Internal: no
 * person starts it, so its words are few.
 */
#include <errno.h>
#include <stdio.h>

#include "agent/runtime/supervise/supervisor.h"
#include "lib/base/options.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"

#define EXIT_USAGE 2

int main(int argc, char **argv)
{
	struct supervise_options o = {.stop_timeout_ms = 10000};
	uint64_t parent = 0;
	const struct option_entry entries[] = {
		{"state", .text = &o.state_path, .value = "FILE", .required = true,
			.help = "where the state of the program is written"},
		{"log", .text = &o.log_path, .value = "FILE", .help = "where its output goes"},
		{"restart", .flag = &o.restart, .help = "start it again when it ends"},
		{"stop-timeout-ms", .number = &o.stop_timeout_ms, .max = INT64_MAX,
			.help = "between SIGTERM and SIGKILL"},
		{"memory-max", .number = &o.memory_max, .max = INT64_MAX, .value = "BYTES",
			.help = "of all its processes together; 0: no limit"},
		{"timeout-ms", .number = &o.timeout_ms, .max = INT64_MAX, .help = "0: no limit"},
		{"parent", .number = &parent, .max = INT32_MAX, .value = "PID",
			.help = "end when this process ends"},
	};
	const struct options options = {"berth-supervise", BERTH_VERSION,
		"Keeps one process of an app alive. Started by berth-agent in standalone mode.",
		"-- PROGRAM [ARG...]", entries, ARRAY_SIZE(entries)};
	struct err err = {0};
	int operand;

	int usage = options_parse(&options, argc, argv, &operand);
	if (usage >= 0)
		return usage;
	if (operand >= argc) {
		(void)fputs("berth-supervise: a program to run is missing\n", stderr);
		return EXIT_USAGE;
	}
	o.parent = (pid_t)parent;
	o.argv = (const char *const *)&argv[operand];
	if (supervise(&o, &err) < 0) {
		(void)fprintf(stderr, "berth-supervise: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	return 0;
}
