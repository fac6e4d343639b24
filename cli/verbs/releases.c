/* SPDX-License-Identifier: Apache-2.0
 *
 * berth releases: what was deployed, newest first.
 */
#include "cli/verbs/verbs.h"

#include "cli/table.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"

#define COMMIT_SHOWN 8

static void add_row(struct table *t, const json_t *release)
{
	const json_t *source = json_object_get(release, "source");
	_cleanup_free_ char *description = cli_release_words(release);
	const char *state = cli_text(release, "state");
	char number[32], commit[COMMIT_SHOWN + 2];
	_cleanup_free_ char *created = cli_ago(release, "created");
	bool is_dirty = json_is_true(json_object_get(source, "dirty"));
	(void)snprintf(number, sizeof number, "v%lld", (long long)cli_number(release, "number"));
	(void)snprintf(commit, sizeof commit, "%.*s%s", COMMIT_SHOWN, cli_text(release, "commit"),
		is_dirty ? "+" : "");
	if (json_is_true(json_object_get(release, "live")))
		state = "live";
	const char *cells[] = {number, state,
		json_is_true(json_object_get(release, "rollback_target")) ? "target" : "", created,
		commit, description};
	table_add(t, cells);
}

static int run(struct cli *cli)
{
	static const char *const heading[] = {
		"RELEASE", "STATE", "ROLLBACK", "CREATED", "COMMIT", "DESCRIPTION"};
	json_auto_t *answer = NULL;
	unsigned limit = 20;
	char rest[64];
	struct table t;
	size_t i;
	const json_t *release;
	const char *given = args_value(&cli->args, "lines");
	if (given && parse_unsigned(given, 1, 1000, &limit) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL,
			"-n \"%s\" is not a number from 1 to 1000", given);
	(void)snprintf(rest, sizeof rest, "/releases?limit=%u", limit);
	int r = cli_call_app(cli, "GET", rest, NULL, &answer);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	table_init(&t, heading, ARRAY_SIZE(heading));
	json_array_foreach (json_object_get(answer, "releases"), i, release)
		add_row(&t, release);
	if (t.rows > 1)
		cli_print_table(cli, &t);
	else
		output_note(&cli->out, "%s has no release yet: 'berth deploy' makes one", cli->app);
	table_free(&t);
	return CLI_OK;
}

static const struct option options[] = {{"lines", 'n', "N", "how many; 20"}};

const struct command verb_releases = {
	.name = "releases",
	.synonyms = " history deploys deployments versions ",
	.summary = "what was deployed, newest first",
	.help = "ROLLBACK marks where 'berth rollback' goes when it is not told; any ready release can be\n"
		"named. A commit with \"+\" had changes that were not committed.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run,
};
