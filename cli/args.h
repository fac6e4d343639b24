/* SPDX-License-Identifier: Apache-2.0
 *
 * struct args: a command line, parsed by the command table. Flags may stand before and behind
 * operands and verbs; "--" ends them. Pure: prints nothing, exits nowhere.
 */
#ifndef BERTH_CLI_ARGS_H
#define BERTH_CLI_ARGS_H

#include <stdbool.h>

#include "cli/command.h"
#include "lib/base/err.h"

#define ARGS_DEPTH_MAX 3 /* berth, verb, subcommand */

struct arg {
	const struct option *option;
	const char *value; /* "" of a flag */
};

struct args {
	const struct command *path[ARGS_DEPTH_MAX]; /* path[0] is the root */
	size_t depth; /* of the named commands, at least 1 */
	struct arg *given;
	size_t given_count;
	const char **operands; /* borrowed from argv, as are values */
	size_t operand_count;
};

/* argv[0] is skipped. -EINVAL with words; `a` is filled as far as parsing came and must be freed. */
int args_parse(
	struct args *a, const struct command *root, int argc, char *const *argv, struct err *err);
void args_free(struct args *a);

/* The last named command: a verb, a subcommand (the first one when none was named), or the root. */
const struct command *args_command(const struct args *a);

/* "berth env set": the words of the path. */
void args_command_name(const struct args *a, char *to, size_t size);

bool args_has(const struct args *a, const char *name);
/* The last value given, or NULL. The name must be in the tables. */
const char *args_value(const struct args *a, const char *name);
/* Operand i, or NULL. */
const char *args_operand(const struct args *a, size_t i);

#endif
