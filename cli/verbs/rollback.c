/* SPDX-License-Identifier: Apache-2.0
 *
 * berth rollback [RELEASE]: an older release, with its code and environment, is live again.
 */
#include "cli/verbs/verbs.h"

#include "cli/progress.h"
#include "cli/watch.h"
#include "lib/base/parse.h"

static int run(struct cli *cli)
{
	json_t *body = json_object();
	json_auto_t *deploy = NULL;
	const char *given = args_operand(&cli->args, 0);
	unsigned number;
	if (given) {
		if (parse_unsigned(given + (*given == 'v'), 1, INT32_MAX, &number) < 0) {
			json_decref(body);
			return output_fail(&cli->out, CLI_USAGE,
				"'berth releases' lists them; without one, it is the previous good one",
				"\"%s\" is not a release like v12", given);
		}
		(void)json_object_set_new(body, "release", json_integer(number));
	}
	int r = cli_call_app(cli, "POST", "/rollback", body, &deploy);
	if (r != CLI_OK)
		return r;
	struct progress *p = watch_display_new(cli);
	r = watch_or_detach(cli, deploy, p);
	progress_free(p);
	return r;
}

static const struct option options[] = {VERB_WAIT_OPTIONS};

const struct command verb_rollback = {
	.name = "rollback",
	.synonyms = " revert undo ",
	.summary = "go back to the previous good release, or to RELEASE",
	.operands = "[RELEASE]",
	.operands_max = 1,
	.help = "Brings back code, environment and configuration together; nothing is built.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run,
};
