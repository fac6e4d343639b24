/* SPDX-License-Identifier: Apache-2.0
 *
 * The one command table of berth(1): argument parsing, help, completion and the tests of the man
 * page all read it. A verb is one file in cli/verbs that defines its struct command.
 */
#ifndef BERTH_CLI_COMMAND_H
#define BERTH_CLI_COMMAND_H

#include <stddef.h>

struct cli;

struct option {
	const char *name; /* long, without dashes */
	char letter; /* 0: none */
	const char *value; /* how help calls its value; NULL: a flag without one */
	const char *help;
};

#define COMMAND_ANY_OPERANDS 10000u

struct command {
	const char *name, *summary;
	const char *synonyms; /* " up push ": what others call it, to suggest it; or NULL */
	const char *operands; /* for the usage line: "[RELEASE]" */
	unsigned operands_min, operands_max;
	const char *help; /* paragraphs behind the summary, or NULL */
	const struct option *options;
	size_t option_count;
	/* Subcommands; the first one is meant when none is named. */
	const struct command *const *commands;
	size_t command_count;
	int (*run)(struct cli *cli); /* returns an exit code; NULL when there are subcommands */
};

/* "berth" itself: the verbs, in the order of the help, and the flags that all of them take. */
extern const struct command berth_command;

const struct command *command_find(const struct command *in, const char *name);

#endif
