/* SPDX-License-Identifier: Apache-2.0
 *
 * berth open: the app's URL, and a browser on it when a person sits in front of one.
 */
#include "cli/verbs/verbs.h"

#include "lib/base/str.h"
#include "lib/sys/proc.h"

static void open_browser(const struct cli *cli, const char *url)
{
	static const char *const paths[] = {"/usr/bin/xdg-open", "/usr/local/bin/xdg-open"};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *const argv[] = {paths[i], url, NULL};
		struct proc_spec spec = {.argv = argv, .fds = {-1, -1, -1}, .fd_count = 3};
		struct err err = {0};
		pid_t pid;
		int pidfd;
		if (access(paths[i], X_OK) < 0)
			continue;
		if (proc_spawn(&spec, &pid, &pidfd, &err) < 0)
			output_note(&cli->out, "%s", err.msg);
		else
			(void)close(pidfd);
		return;
	}
}

static int run(struct cli *cli)
{
	json_auto_t *app = NULL;
	int r = cli_call_app(cli, "GET", "", NULL, &app);
	if (r != CLI_OK)
		return r;
	const char *url = cli_text(app, "url");
	if (cli->out.is_json) {
		json_auto_t *o = json_pack("{s:s}", "url", url);
		return cli_print_json(cli, o);
	}
	output_line(&cli->out, "%s", url);
	/* Never hand anything but a web address to a program that opens whatever it is given. */
	bool is_web = has_prefix(url, "https://") || has_prefix(url, "http://");
	if (cli->out.out_is_terminal && is_web && (getenv("DISPLAY") || getenv("WAYLAND_DISPLAY")))
		open_browser(cli, url);
	return CLI_OK;
}

const struct command verb_open = {
	.name = "open",
	.synonyms = " url browse ",
	.summary = "print the app's URL, and open it in the browser",
	.run = run,
};
