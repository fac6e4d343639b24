/* SPDX-License-Identifier: Apache-2.0
 *
 * berth domains list | add | remove.
 */
#include "cli/verbs/verbs.h"

#include "cli/table.h"

static int list(struct cli *cli)
{
	static const char *const heading[] = {"DOMAIN", "FROM"};
	json_auto_t *answer = NULL;
	struct table t;
	size_t i;
	const json_t *domain;
	int r = cli_call_app(cli, "GET", "/domains", NULL, &answer);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	table_init(&t, heading, ARRAY_SIZE(heading));
	json_array_foreach (json_object_get(answer, "domains"), i, domain) {
		bool is_default = json_is_true(json_object_get(domain, "default"));
		const char *cells[] = {cli_text(domain, "domain"),
			is_default ? "default" : cli_text(domain, "source")};
		table_add(&t, cells);
	}
	cli_print_table(cli, &t);
	table_free(&t);
	return CLI_OK;
}

static int change(struct cli *cli, const char *typed, bool is_added)
{
	char domain[IDENT_DOMAIN_MAX + 1];
	struct err err = {0};
	json_auto_t *answer = NULL;
	_cleanup_free_ char *rest = NULL;
	if (ident_normalise_domain(typed, true, domain, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	if (is_added)
		return cli_call_app(
			cli, "POST", "/domains", json_pack("{s:s}", "domain", domain), &answer);
	_cleanup_free_ char *escaped = http_escape(domain);
	rest = xasprintf("/domains/%s", escaped);
	return cli_call_app(cli, "DELETE", rest, NULL, &answer);
}

static int change_all(struct cli *cli, bool is_added)
{
	json_auto_t *done = json_array();
	for (size_t i = 0; i < cli->args.operand_count; i++) {
		const char *typed = args_operand(&cli->args, i);
		int r = change(cli, typed, is_added);
		if (r != CLI_OK)
			return r;
		(void)json_array_append_new(done, json_string(typed));
		output_note(&cli->out, is_added ? "%s now leads to %s" : "%s no longer leads to %s",
			typed, cli->app);
	}
	if (cli->out.is_json) {
		json_auto_t *o = json_pack("{s:O}", is_added ? "added" : "removed", done);
		return cli_print_json(cli, o);
	}
	return CLI_OK;
}

static int add(struct cli *cli)
{
	return change_all(cli, true);
}

static int remove_domains(struct cli *cli)
{
	return change_all(cli, false);
}

static const struct command list_command = {
	.name = "list", .synonyms = " ls ", .summary = "the domains of an app", .run = list};
static const struct command add_command = {.name = "add",
	.synonyms = " create set ",
	.summary = "send the visitors of a domain to an app",
	.operands = "DOMAIN...",
	.operands_min = 1,
	.operands_max = COMMAND_ANY_OPERANDS,
	.run = add};
static const struct command remove_command = {.name = "remove",
	.synonyms = " delete rm unset ",
	.summary = "take a domain away",
	.operands = "DOMAIN...",
	.operands_min = 1,
	.operands_max = COMMAND_ANY_OPERANDS,
	.run = remove_domains};

static const struct command *const commands[] = {&list_command, &add_command, &remove_command};

const struct command verb_domains = {
	.name = "domains",
	.synonyms = " hosts ",
	.summary = "the domains of an app: list, add, remove",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
