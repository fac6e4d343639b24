/* SPDX-License-Identifier: Apache-2.0
 *
 * Command line flags of the daemons and build programs, by a table: --name VALUE, --name=VALUE,
 * --name, and -n for those that have a letter.
 * A wrong flag is an error with a "did you mean".
 */
#ifndef BERTH_BUILDERS_OPTIONS_H
#define BERTH_BUILDERS_OPTIONS_H

#include <stdbool.h>

#include "lib/base/err.h"

struct option_flag {
	const char *name; /* "app-dir" */
	const char **text; /* takes a value, kept here */
	bool *flag; /* or takes none */
	const char *help;
	bool required;
	char letter; /* "-n" beside "--check", 0: none; of flags without a value */
};

/* Prints help or version and exits 0 when asked; prints an error and exits 2 when something is
 * wrong. `about` is one sentence. */
void options_parse(
	int argc, char **argv, const char *about, const struct option_flag *flags, size_t n);

#endif
