/* SPDX-License-Identifier: Apache-2.0
 *
 * Help pages.
 */
#include "cli/help.h"

#include "lib/base/str.h"

#define SUMMARY_COLUMN 26

/* Help is our own text and far below the buffer's maximum. */
#define add(to, ...) must(buf_printf(to, __VA_ARGS__) == 0)

static void add_option(const struct option *o, struct buf *to)
{
	char words[64];
	(void)snprintf(words, sizeof words, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
		o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->value ? " " : "",
		o->value ? o->value : "");
	if (strlen(words) < SUMMARY_COLUMN - 2)
		add(to, "  %-*s%s\n", SUMMARY_COLUMN - 2, words, o->help);
	else
		add(to, "  %s\n%*s%s\n", words, SUMMARY_COLUMN, "", o->help);
}

static void add_options(const char *title, const struct command *c, struct buf *to)
{
	if (c->option_count == 0)
		return;
	add(to, "\n%s:\n", title);
	for (size_t i = 0; i < c->option_count; i++)
		add_option(&c->options[i], to);
}

static void add_commands(const struct command *c, struct buf *to)
{
	add(to, "\nCommands:\n");
	for (size_t i = 0; i < c->command_count; i++) {
		const struct command *sub = c->commands[i];
		char words[64];
		(void)snprintf(words, sizeof words, "%s %s", sub->name,
			sub->operands ? sub->operands : "");
		add(to, "  %-*s%s%s\n", SUMMARY_COLUMN - 2, words, sub->summary,
			i == 0 && c != &berth_command ? " (the default)" : "");
	}
}

void help_format(const struct command *c, const char *name, struct buf *to)
{
	bool is_root = c == &berth_command;
	add(to, "%s: %s\n\nUsage: %s%s%s%s\n", name, c->summary, name,
		c->command_count ? (is_root ? " COMMAND" : " [COMMAND]") : "",
		c->operands ? " " : "", c->operands ? c->operands : "");
	if (c->help)
		add(to, "\n%s\n", c->help);
	if (c->command_count)
		add_commands(c, to);
	if (!is_root)
		add_options("Flags", c, to);
	add_options("Flags of every command", &berth_command, to);
	if (is_root)
		add(to, "\n'berth help COMMAND' says more about one of them; 'man berth' about all.\n");
}
