/* SPDX-License-Identifier: Apache-2.0
 *
 * berth apps list | create | destroy.
 */
#include "cli/verbs/verbs.h"

#include "cli/table.h"
#include "lib/base/str.h"

static void add_row(struct table *t, const json_t *app)
{
	const json_t *live = json_object_get(app, "live");
	const json_t *deploying = json_object_get(app, "deploying");
	char release[32] = "";
	_cleanup_free_ char *since = cli_ago(live, "went_live");
	if (json_is_object(live))
		(void)snprintf(
			release, sizeof release, "v%lld", (long long)cli_number(live, "number"));
	const char *cells[] = {cli_text(app, "name"), release,
		json_is_object(deploying) ? cli_text(deploying, "state") : since,
		cli_text(app, "url")};
	table_add(t, cells);
}

static int list(struct cli *cli)
{
	static const char *const heading[] = {"APP", "LIVE", "SINCE", "URL"};
	json_auto_t *answer = NULL;
	struct table t;
	size_t i;
	const json_t *app;
	int r = cli_call(cli, "GET", "/v1/apps", NULL, &answer);
	if (r != CLI_OK)
		return r;
	const json_t *apps = json_object_get(answer, "apps");
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	if (cli->out.is_quiet) {
		json_array_foreach (apps, i, app)
			output_line(&cli->out, "%s", cli_text(app, "name"));
		return CLI_OK;
	}
	if (json_array_size(apps) == 0) {
		output_note(&cli->out, "no apps yet: 'berth deploy' in an app's folder makes one");
		return CLI_OK;
	}
	table_init(&t, heading, ARRAY_SIZE(heading));
	json_array_foreach (apps, i, app)
		add_row(&t, app);
	cli_print_table(cli, &t);
	table_free(&t);
	return CLI_OK;
}

/* The operand, or what every verb takes for the app. */
static int choose(struct cli *cli)
{
	const char *name = args_operand(&cli->args, 0);
	struct err err = {0};
	if (!name)
		return cli_find_app(cli);
	if (ident_check_app(name, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	cli->app = xstrdup(name);
	cli->app_origin = "the command line";
	return CLI_OK;
}

static int create(struct cli *cli)
{
	json_auto_t *app = NULL;
	int r = choose(cli);
	if (r == CLI_OK)
		r = cli_call(cli, "POST", "/v1/apps", json_pack("{s:s}", "name", cli->app), &app);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json)
		return cli_print_json(cli, app);
	output_note(&cli->out, "%s exists now; 'berth deploy' brings it to life", cli->app);
	output_line(&cli->out, "%s", cli_text(app, "url"));
	return CLI_OK;
}

static int confirm(struct cli *cli)
{
	_cleanup_free_ char *question = NULL;
	_cleanup_free_ char *answer = NULL;
	if (args_has(&cli->args, "yes"))
		return CLI_OK;
	question = xasprintf("This ends %s and removes its releases and settings. "
			     "Type its name to go on:",
		cli->app);
	int r = cli_ask(cli, question, false, "-y destroys without asking", &answer);
	if (r == CLI_OK && !streq(answer, cli->app))
		return output_fail(&cli->out, CLI_USAGE, NULL,
			"that is not the app's name: nothing was changed");
	return r;
}

static int destroy(struct cli *cli)
{
	int r = choose(cli);
	if (r == CLI_OK)
		r = confirm(cli);
	if (r == CLI_OK)
		r = cli_call_app(cli, "DELETE", "", NULL, NULL);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json) {
		json_auto_t *done = json_pack("{s:s}", "destroyed", cli->app);
		return cli_print_json(cli, done);
	}
	output_note(&cli->out, "%s is gone", cli->app);
	return CLI_OK;
}

static const struct command list_command = {.name = "list",
	.synonyms = " ls ",
	.summary = "all apps of the host; -q: only names",
	.run = list};
static const struct command create_command = {.name = "create",
	.synonyms = " add new ",
	.summary = "make an app without deploying it",
	.operands = "[APP]",
	.operands_max = 1,
	.run = create};
static const struct option destroy_options[] = {{"yes", 'y', NULL, "do not ask"}};
static const struct command destroy_command = {.name = "destroy",
	.synonyms = " delete remove rm ",
	.summary = "end an app and remove its releases; volumes stay",
	.operands = "[APP]",
	.operands_max = 1,
	.options = destroy_options,
	.option_count = ARRAY_SIZE(destroy_options),
	.run = destroy};

static const struct command *const commands[] = {&list_command, &create_command, &destroy_command};

const struct command verb_apps = {
	.name = "apps",
	.synonyms = " list ls projects delete destroy create ",
	.summary = "the apps of the host: list, create, destroy",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
