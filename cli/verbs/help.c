/* SPDX-License-Identifier: Apache-2.0
 *
 * berth help [COMMAND...].
 */
#include "cli/verbs/verbs.h"

static int run(struct cli *cli)
{
	const struct command *c = &berth_command;
	char name[128] = "berth";
	for (size_t i = 0; i < cli->args.operand_count; i++) {
		const struct command *sub = command_find(c, cli->args.operands[i]);
		if (!sub)
			return output_fail(&cli->out, CLI_USAGE, "'berth help' lists the commands",
				"%s has no command \"%s\"", name, cli->args.operands[i]);
		size_t at = strlen(name);
		(void)snprintf(name + at, sizeof name - at, " %s", sub->name);
		c = sub;
	}
	return verb_help_print(c, name);
}

const struct command verb_help = {
	.name = "help",
	.summary = "help on a command",
	.operands = "[COMMAND]",
	.operands_max = 2,
	.run = run,
};
