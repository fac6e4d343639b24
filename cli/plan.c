/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth deploy --plan` prints.
 */
#include "cli/plan.h"

#include "cli/table.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"

static void print_reasons(const struct cli *cli, const json_t *plan)
{
	size_t i;
	const json_t *reason;
	json_array_foreach (json_object_get(plan, "reasons"), i, reason)
		output_line(&cli->out, "  because  %s", json_string_value(reason));
}

static void print_steps(const struct cli *cli, const json_t *plan)
{
	size_t i;
	const json_t *step;
	json_array_foreach (json_object_get(plan, "steps"), i, step)
		output_line(&cli->out, "%-9s%s: %s", i ? "" : "build", cli_text(step, "name"),
			cli_text(step, "command"));
	if (*cli_text(plan, "release_command"))
		output_line(&cli->out, "%-9s%s", "release", cli_text(plan, "release_command"));
}

static void print_process(const struct cli *cli, const json_t *process, bool is_first)
{
	char memory[32] = "";
	const char *path = cli_text(json_object_get(process, "health"), "path");
	int64_t bytes = cli_number(process, "memory_max");
	if (bytes > 0)
		format_size((uint64_t)bytes, memory, sizeof memory);
	output_line(&cli->out, "%-9s%s: %s", is_first ? "run" : "", cli_text(process, "name"),
		cli_text(process, "command"));
	output_line(&cli->out, "%-9s  %lld instance%s%s%s%s%s", "",
		(long long)cli_number(process, "instances"),
		cli_number(process, "instances") == 1 ? "" : "s", *memory ? ", at most " : "",
		memory, *path ? ", healthy when it answers " : "", path);
}

static void print_run(const struct cli *cli, const json_t *plan)
{
	size_t i;
	const json_t *o;
	json_array_foreach (json_object_get(plan, "processes"), i, o)
		print_process(cli, o, i == 0);
	json_array_foreach (json_object_get(plan, "statics"), i, o)
		output_line(&cli->out, "%-9s%s from %s%s%s", i ? "" : "serve",
			cli_text(o, "prefix"), cli_text(o, "dir"),
			*cli_text(o, "fallback") ? ", else " : "", cli_text(o, "fallback"));
	json_array_foreach (json_object_get(plan, "volumes"), i, o)
		output_line(&cli->out, "%-9s%s", i ? "" : "volumes", json_string_value(o));
	json_array_foreach (json_object_get(plan, "domains"), i, o)
		output_line(&cli->out, "%-9s%s", i ? "" : "domains", json_string_value(o));
}

void plan_print(const struct cli *cli, const json_t *plan)
{
	if (!plan)
		return;
	const char *framework = cli_text(plan, "framework");
	output_line(&cli->out, "%-9s%s%s%s", "stack", cli_text(plan, "stack"),
		*framework ? ", " : "", framework);
	print_reasons(cli, plan);
	print_steps(cli, plan);
	print_run(cli, plan);
}
