/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs, one file each. cli/commands.c puts them in order.
 */
#ifndef BERTH_CLI_VERBS_H
#define BERTH_CLI_VERBS_H

#include "cli/cli.h"

extern const struct command verb_init, verb_deploy, verb_rollback, verb_releases, verb_status,
	verb_ps, verb_logs, verb_env, verb_domains, verb_certs, verb_open, verb_apps, verb_tokens,
	verb_doctor, verb_completion, verb_version, verb_help;

/* Prints the help of a command that is called `name` in full. */
int verb_help_print(const struct command *c, const char *name);

/* What every verb that starts a deploy takes, for its option table. */
#define VERB_WAIT_OPTIONS                                                    \
	{"no-wait", 0, NULL, "return as soon as the agent has accepted it"}, \
	{                                                                    \
		"detach", 0, NULL, "the same"                                \
	}

#endif
