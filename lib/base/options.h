/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of a daemon or a helper program, by a table: --name VALUE, --name=VALUE, --name,
 * and -n for those that have a letter. --help and --version are always there. The only file below
 * lib/ that prints: it is called first thing in main(). The CLI, with its verbs, has cli/args.h.
 */
#ifndef BERTH_BASE_OPTIONS_H
#define BERTH_BASE_OPTIONS_H

#include <stdbool.h>

#include "lib/base/base.h"

#define OPTIONS_MAX 24

/* One option. Exactly one of flag, text, number and size says what it takes and where it goes. */
struct option_entry {
	const char *name; /* "app-dir" */
	const char *help;
	bool *flag; /* takes no value */
	const char **text; /* points into argv */
	uint64_t *number, min, max; /* decimal, within the bounds */
	uint64_t *size; /* parse_size() */
	const char *value; /* what the value is called in the help: "DIR" */
	bool required; /* of text */
	char letter; /* "-n" for a flag, 0: none */
};

struct options {
	const char *program, *version;
	const char *about; /* what the program does, a sentence or more */
	const char *operands; /* "-- PROGRAM [ARG...]", NULL: there are none */
	const struct option_entry *entries;
	size_t count;
};

/* Reads argv[1..argc) up to the first operand, which "--" may precede. Returns -1 to go on, with the
 * index of that operand (argc when there is none) in *ret_operand; else the exit status: 0 after
 * --help or --version, 2 after words on stderr that name what is wrong. */
int options_parse(const struct options *o, int argc, char **argv, int *ret_operand);

#endif
