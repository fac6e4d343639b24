/* SPDX-License-Identifier: Apache-2.0
 *
 * berth ps: the processes of an app.
 */
#include "cli/verbs/verbs.h"

#include "cli/table.h"
#include "cli/verbs/processes.h"
#include "lib/base/parse.h"

static void add_row(struct table *t, const json_t *process)
{
	char name[64], release[32], restarts[32], memory[32] = "";
	_cleanup_free_ char *since = cli_ago(process, "since");
	int64_t bytes = cli_number(process, "memory");
	(void)snprintf(name, sizeof name, "%s.%lld", cli_text(process, "name"),
		(long long)cli_number(process, "index"));
	(void)snprintf(release, sizeof release, "v%lld", (long long)cli_number(process, "release"));
	(void)snprintf(
		restarts, sizeof restarts, "%lld", (long long)cli_number(process, "restarts"));
	if (bytes > 0)
		format_size((uint64_t)bytes, memory, sizeof memory);
	const char *cells[] = {name, release, cli_text(process, "state"), restarts, since, memory,
		cli_text(process, "reason")};
	table_add(t, cells);
}

void processes_print(const struct cli *cli, const json_t *processes)
{
	static const char *const heading[] = {
		"PROCESS", "RELEASE", "STATE", "RESTARTS", "SINCE", "MEMORY", "NOTE"};
	struct table t;
	size_t i;
	const json_t *process;
	table_init(&t, heading, ARRAY_SIZE(heading));
	json_array_foreach (processes, i, process)
		add_row(&t, process);
	cli_print_table(cli, &t);
	table_free(&t);
}

static int run(struct cli *cli)
{
	json_auto_t *answer = NULL;
	int r = cli_call_app(cli, "GET", "/ps", NULL, &answer);
	if (r != CLI_OK)
		return r;
	const json_t *processes = json_object_get(answer, "processes");
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	if (json_array_size(processes) == 0)
		output_note(&cli->out, "%s runs no processes", cli->app);
	else
		processes_print(cli, processes);
	return CLI_OK;
}

const struct command verb_ps = {
	.name = "ps",
	.synonyms = " processes top ",
	.summary = "the processes of an app",
	.run = run,
};
