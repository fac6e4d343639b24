/* SPDX-License-Identifier: Apache-2.0
 *
 * The command table, and the way from a command line to its verb.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/verbs/verbs.h"

#include <locale.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"

#define HELP_BYTES_MAX (64u * 1024)

static const struct command *const verbs[] = {
	&verb_init,
	&verb_deploy,
	&verb_rollback,
	&verb_releases,
	&verb_status,
	&verb_ps,
	&verb_logs,
	&verb_env,
	&verb_domains,
	&verb_certs,
	&verb_open,
	&verb_apps,
	&verb_tokens,
	&verb_doctor,
	&verb_completion,
	&verb_version,
	&verb_help,
};

static const struct option flags[] = {
	{"app", 'a', "APP", "the app; else app: of berth.yaml, BERTH_APP, the folder's name"},
	{"host", 'H', "HOST", "the agent: https://NAME, a socket, or a standalone folder"},
	{"dir", 'C', "DIR", "work in this folder"},
	{"json", 0, NULL, "machine-readable output"},
	{"quiet", 'q', NULL, "no progress, only results and errors"},
	{"verbose", 'v', NULL, "more: all output of builds"},
	{"no-color", 0, NULL, "no colours (also: NO_COLOR)"},
	{"help", 'h', NULL, "this help"},
	{"version", 'V', NULL, "the version"},
};

const struct command berth_command = {
	.name = "berth",
	.summary = "deploy web apps to your own host",
	.options = flags,
	.option_count = ARRAY_SIZE(flags),
	.commands = verbs,
	.command_count = ARRAY_SIZE(verbs),
};

int verb_help_print(const struct command *c, const char *name)
{
	_cleanup_buf_ struct buf b = BUF_INIT(HELP_BYTES_MAX);
	help_format(c, name, &b);
	(void)fwrite(buf_data(&b), 1, buf_len(&b), stdout);
	return CLI_OK;
}

static int run(struct cli *cli)
{
	const struct args *a = &cli->args;
	char name[64];
	args_command_name(a, name, sizeof name);
	if (args_has(a, "version"))
		return verb_version.run(cli);
	if (args_has(a, "help"))
		return verb_help_print(a->path[a->depth - 1], name);
	if (a->depth == 1) {
		(void)verb_help_print(&berth_command, name);
		return CLI_USAGE;
	}
	return args_command(a)->run(cli);
}

/* Also behind the word that was wrong, where parsing ended. */
static bool asks_json(int argc, char *const *argv)
{
	for (int i = 1; i < argc && !streq(argv[i], "--"); i++)
		if (streq(argv[i], "--json"))
			return true;
	return false;
}

static void set_output(struct cli *cli, bool json)
{
	const struct args *a = &cli->args;
	struct output_flags f = {.json = json || args_has(a, "json"),
		.quiet = args_has(a, "quiet"),
		.verbose = args_has(a, "verbose"),
		.no_color = args_has(a, "no-color")};
	output_init(&cli->out, &f);
}

static void release(struct cli *cli)
{
	http_client_free(cli->http);
	host_clear(&cli->host);
	project_clear(&cli->project);
	free(cli->app);
	args_free(&cli->args);
}

int cli_main(int argc, char **argv)
{
	struct cli cli = {.began_ms = clock_monotonic_ms()};
	struct err err = {0};
	/* For the widths of characters; numbers and messages stay as they are. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	int r = args_parse(&cli.args, &berth_command, argc, argv, &err);
	set_output(&cli, r < 0 && asks_json(argc, argv));
	if (r < 0) {
		char name[64];
		_cleanup_free_ char *hint = NULL;
		args_command_name(&cli.args, name, sizeof name);
		hint = xasprintf("'%s --help' lists what there is", name);
		r = output_fail(&cli.out, CLI_USAGE, hint, "%s", err.msg);
	} else {
		r = run(&cli);
	}
	int written = output_finish(&cli.out);
	release(&cli);
	return r == CLI_OK ? written : r;
}
