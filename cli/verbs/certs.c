/* SPDX-License-Identifier: Apache-2.0
 *
 * berth certs list | renew: the certificates of all hosts.
 */
#include "cli/verbs/verbs.h"

#include "cli/table.h"

static int list(struct cli *cli)
{
	static const char *const heading[] = {"HOST", "ISSUER", "EXPIRES", "RENEWAL", "LAST ERROR"};
	json_auto_t *answer = NULL;
	struct table t;
	size_t i;
	const json_t *cert;
	int r = cli_call(cli, "GET", "/v1/certs", NULL, &answer);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	table_init(&t, heading, ARRAY_SIZE(heading));
	json_array_foreach (json_object_get(answer, "certs"), i, cert) {
		bool is_ordering = json_is_true(json_object_get(cert, "ordering"));
		const char *retry = cli_text(cert, "retry");
		const char *cells[] = {cli_text(cert, "host"), cli_text(cert, "issuer"),
			cli_text(cert, "expires"),
			is_ordering ? "under way"
			: *retry    ? retry
				    : cli_text(cert, "renewal"),
			cli_text(cert, "error")};
		table_add(&t, cells);
	}
	cli_print_table(cli, &t);
	table_free(&t);
	return CLI_OK;
}

static int renew(struct cli *cli)
{
	json_auto_t *answer = NULL;
	const char *host = args_operand(&cli->args, 0);
	_cleanup_free_ char *escaped = http_escape(host);
	_cleanup_free_ char *path = xasprintf("/v1/certs/%s/renew", escaped);
	int r = cli_call(cli, "POST", path, NULL, &answer);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	if (json_is_true(json_object_get(answer, "ordering")))
		output_note(&cli->out, "a certificate for %s is ordered; see: berth certs", host);
	else
		output_note(&cli->out, "%s has a new certificate", host);
	return CLI_OK;
}

static const struct command list_command = {.name = "list",
	.synonyms = " ls ",
	.summary = "the certificates of all hosts",
	.run = list};
static const struct command renew_command = {.name = "renew",
	.summary = "ask for another certificate now",
	.operands = "NAME",
	.operands_min = 1,
	.operands_max = 1,
	.run = renew};

static const struct command *const commands[] = {&list_command, &renew_command};

const struct command verb_certs = {
	.name = "certs",
	.synonyms = " certificates tls ",
	.summary = "the certificates of all hosts: list, renew",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
