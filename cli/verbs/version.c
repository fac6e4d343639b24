/* SPDX-License-Identifier: Apache-2.0
 *
 * berth version: ours, and with -H or -v the agent's.
 */
#include "cli/verbs/verbs.h"

static int run(struct cli *cli)
{
	json_auto_t *all = json_pack("{s:s}", "version", BERTH_VERSION);
	json_auto_t *agent = NULL;
	/* The flag --version asks for nothing but itself. */
	bool asks_agent = cli->args.depth > 1 &&
			  (args_has(&cli->args, "host") || args_has(&cli->args, "verbose"));
	if (asks_agent) {
		int r = cli_call(cli, "GET", "/v1/version", NULL, &agent);
		if (r != CLI_OK)
			return r;
		(void)json_object_set(all, "agent", agent);
	}
	if (cli->out.is_json)
		return cli_print_json(cli, all);
	output_line(&cli->out, "berth %s", BERTH_VERSION);
	if (asks_agent)
		output_line(&cli->out, "agent %s (%s)", cli_text(agent, "version"),
			cli_text(agent, "mode"));
	return CLI_OK;
}

const struct command verb_version = {
	.name = "version",
	.summary = "the version; with -v the agent's too",
	.run = run,
};
