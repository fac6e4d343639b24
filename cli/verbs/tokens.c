/* SPDX-License-Identifier: Apache-2.0
 *
 * berth tokens list | create | revoke: who may talk to the agent over https.
 */
#include "cli/verbs/verbs.h"

#include "cli/table.h"
#include "lib/base/parse.h"

static int list(struct cli *cli)
{
	static const char *const heading[] = {"ID", "NAME", "SCOPE", "CREATED", "EXPIRES", "USED"};
	json_auto_t *answer = NULL;
	struct table t;
	size_t i;
	const json_t *token;
	int r = cli_call(cli, "GET", "/v1/tokens", NULL, &answer);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	table_init(&t, heading, ARRAY_SIZE(heading));
	json_array_foreach (json_object_get(answer, "tokens"), i, token) {
		_cleanup_free_ char *created = cli_ago(token, "created");
		_cleanup_free_ char *used = cli_ago(token, "used");
		const char *expires = cli_text(token, "expires");
		const char *cells[] = {cli_text(token, "id"), cli_text(token, "name"),
			cli_text(token, "scope"), created, *expires ? expires : "never", used};
		table_add(&t, cells);
	}
	cli_print_table(cli, &t);
	table_free(&t);
	return CLI_OK;
}

static int create(struct cli *cli)
{
	json_auto_t *answer = NULL;
	uint64_t ms = 0;
	const char *expires = args_value(&cli->args, "expires");
	const char *scope = args_value(&cli->args, "scope");
	struct err err = {0};
	if (expires && parse_duration(expires, &ms) < 0)
		return output_fail(&cli->out, CLI_USAGE, "write 12h or 90d",
			"--expires \"%s\" is not a duration", expires);
	if (scope && scope[0] != '*' && ident_check_app(scope, &err) < 0)
		return output_fail(
			&cli->out, CLI_USAGE, NULL, "--scope is an app, or *: %s", err.msg);
	json_t *body = json_pack(
		"{s:s,s:s}", "name", args_operand(&cli->args, 0), "scope", scope ? scope : "*");
	if (!body)
		return output_fail(&cli->out, CLI_USAGE, NULL, "the name is not UTF-8 text");
	if (expires)
		(void)json_object_set_new(
			body, "expires_seconds", json_integer((json_int_t)(ms / 1000)));
	int r = cli_call(cli, "POST", "/v1/tokens", body, &answer);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	output_note(&cli->out, "token %s, shown this once:", cli_text(answer, "id"));
	output_line(&cli->out, "%s", cli_text(answer, "token"));
	return CLI_OK;
}

static int revoke_token(struct cli *cli)
{
	const char *id = args_operand(&cli->args, 0);
	_cleanup_free_ char *escaped = http_escape(id);
	_cleanup_free_ char *path = xasprintf("/v1/tokens/%s", escaped);
	int r = cli_call(cli, "DELETE", path, NULL, NULL);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json) {
		json_auto_t *done = json_pack("{s:s}", "revoked", id);
		return cli_print_json(cli, done);
	}
	output_note(&cli->out, "token %s is void", id);
	return CLI_OK;
}

static const struct option create_options[] = {
	{"scope", 0, "APP", "may only touch this app; else all"},
	{"expires", 0, "TIME", "void after 12h, 90d, ...; else never"},
};
static const struct command list_command = {.name = "list",
	.synonyms = " ls ",
	.summary = "all tokens, without the secrets",
	.run = list};
static const struct command create_command = {.name = "create",
	.synonyms = " add new ",
	.summary = "make a token; it is shown once",
	.operands = "NAME",
	.operands_min = 1,
	.operands_max = 1,
	.options = create_options,
	.option_count = ARRAY_SIZE(create_options),
	.run = create};
static const struct command revoke_command = {.name = "revoke",
	.synonyms = " delete remove rm destroy ",
	.summary = "make a token void",
	.operands = "ID",
	.operands_min = 1,
	.operands_max = 1,
	.run = revoke_token};
static const struct command *const commands[] = {&list_command, &create_command, &revoke_command};

const struct command verb_tokens = {
	.name = "tokens",
	.synonyms = " auth token ",
	.summary = "who may talk to the agent over https: list, create, revoke",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
