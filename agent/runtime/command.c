/* SPDX-License-Identifier: Apache-2.0
 *
 * Argument lists are short and made by us, so that too many words are a bug.
 */
#include "agent/runtime/command.h"

#include <stdio.h>

void command_release(struct command *c)
{
	for (unsigned n = 0; n < c->owned_count; n++)
		free(c->owned[n]);
	*c = (struct command){0};
}

void command_add(struct command *c, const char *word)
{
	must(c->argc < COMMAND_WORDS_MAX);
	c->argv[c->argc++] = word;
}

void command_add_owned(struct command *c, char *word)
{
	must(c->owned_count < COMMAND_WORDS_MAX);
	c->owned[c->owned_count++] = word;
	command_add(c, word);
}

void command_add_option(struct command *c, const char *name, char *value)
{
	command_add(c, name);
	command_add_owned(c, value);
}

void command_add_number(struct command *c, const char *name, uint64_t value)
{
	command_add_option(c, name, xasprintf("%llu", (unsigned long long)value));
}
