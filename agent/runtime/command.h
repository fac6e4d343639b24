/* SPDX-License-Identifier: Apache-2.0
 *
 * struct command: the argument list of a program that the embedded runtime starts.
 */
#ifndef BERTH_AGENT_RUNTIME_COMMAND_H
#define BERTH_AGENT_RUNTIME_COMMAND_H

#include "lib/base/base.h"

#define COMMAND_WORDS_MAX 40

struct command {
	const char *argv[COMMAND_WORDS_MAX + 1]; /* ends with NULL */
	char *owned[COMMAND_WORDS_MAX];
	unsigned argc, owned_count;
};

void command_release(struct command *c);
void command_add(struct command *c, const char *word); /* borrows */
void command_add_owned(struct command *c, char *word); /* takes */
void command_add_option(struct command *c, const char *name, char *value); /* takes the value */
void command_add_number(struct command *c, const char *name, uint64_t value);

#define _cleanup_command_ _cleanup_(command_release)

#endif
