/* SPDX-License-Identifier: Apache-2.0
 *
 * berth status: what is live, where, and how its processes are.
 */
#include "cli/verbs/verbs.h"

#include "cli/verbs/processes.h"

static void print_release(const struct cli *cli, const json_t *app)
{
	const json_t *live = json_object_get(app, "live");
	_cleanup_free_ char *since = cli_ago(live, "went_live");
	if (!json_is_object(live)) {
		output_line(
			&cli->out, "%-10snothing yet: 'berth deploy' brings it to life", "live");
		return;
	}
	_cleanup_free_ char *words = cli_release_words(live);
	output_line(&cli->out, "%-10sv%lld  %.8s  %s  %s", "live",
		(long long)cli_number(live, "number"), cli_text(live, "commit"), since, words);
}

static void print_deploy(const struct cli *cli, const json_t *app)
{
	const json_t *d = json_object_get(app, "deploying");
	if (!json_is_object(d))
		return;
	_cleanup_free_ char *since = cli_ago(d, "created");
	output_line(&cli->out, "%-10s%s, started %s; to follow it: berth deploy --attach",
		"deploying", cli_text(d, "state"), since);
}

/* The newest release, when it is not the one that is live: a deploy that came to nothing, or what
 * was rolled back. */
static void print_newest(const struct cli *cli, const json_t *newest)
{
	if (!newest || json_is_true(json_object_get(newest, "live")))
		return;
	_cleanup_free_ char *created = cli_ago(newest, "created");
	output_line(&cli->out, "%-10sv%lld  %.8s  %s  %s", "newest",
		(long long)cli_number(newest, "number"), cli_text(newest, "commit"), created,
		cli_text(newest, "state"));
}

static void print_urls(const struct cli *cli, const json_t *app)
{
	size_t i;
	const json_t *url;
	const json_t *urls = json_object_get(app, "urls");
	if (json_array_size(urls) == 0)
		output_line(&cli->out, "%-10s%s", "url", cli_text(app, "url"));
	json_array_foreach (urls, i, url)
		output_line(&cli->out, "%-10s%s", i ? "" : "url", json_string_value(url));
}

static int run(struct cli *cli)
{
	json_auto_t *app = NULL, *ps = NULL, *releases = NULL;
	int r = cli_call_app(cli, "GET", "", NULL, &app);
	if (r == CLI_OK)
		r = cli_call_app(cli, "GET", "/ps", NULL, &ps);
	if (r == CLI_OK)
		r = cli_call_app(cli, "GET", "/releases?limit=1", NULL, &releases);
	if (r != CLI_OK)
		return r;
	json_t *processes = json_object_get(ps, "processes");
	json_t *newest = json_array_get(json_object_get(releases, "releases"), 0);
	if (cli->out.is_json) {
		(void)json_object_set(app, "processes", processes);
		(void)json_object_set(app, "newest", newest ? newest : json_null());
		return cli_print_json(cli, app);
	}
	output_line(&cli->out, "%-10s%s", "app", cli_text(app, "name"));
	print_urls(cli, app);
	print_release(cli, app);
	print_newest(cli, newest);
	print_deploy(cli, app);
	if (json_array_size(processes)) {
		output_line(&cli->out, "%s", "");
		processes_print(cli, processes);
	}
	return CLI_OK;
}

const struct command verb_status = {
	.name = "status",
	.synonyms = " info show ",
	.summary = "what is live, where, and how it is",
	.run = run,
};
