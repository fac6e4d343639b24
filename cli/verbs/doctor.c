/* SPDX-License-Identifier: Apache-2.0
 *
 * berth doctor: what could be in the way, here and at the agent, each with what to do about it.
 */
#include "cli/verbs/verbs.h"

#include <errno.h>
#include <sys/stat.h>

#include "cli/api.h"
#include "cli/text.h"
#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

#define SKEW_MAX_MS 60000

static void add(json_t *checks, const char *name, bool is_ok, const char *message, const char *fix)
{
	json_t *check = json_pack("{s:s,s:b,s:s,s:s}", "name", name, "ok", (int)is_ok, "message",
		message, "fix", is_ok || !fix ? "" : fix);
	must(check && json_array_append_new(checks, check) == 0);
}

static void check_manifest(struct cli *cli, json_t *checks)
{
	struct err err = {0};
	_cleanup_free_ char *app = NULL;
	if (project_find(args_value(&cli->args, "dir"), &cli->project, &err) < 0)
		add(checks, "folder", false, err.msg, "go to the app's folder, or name it with -C");
	else if (!cli->project.manifest_path)
		add(checks, "berth.yaml", true, "none here, and none needed", NULL);
	else if (project_check(&cli->project, &app, &err) < 0)
		add(checks, "berth.yaml", false, err.msg, "correct that line");
	else
		add(checks, "berth.yaml", true, cli->project.manifest_path, NULL);
}

static void check_config(json_t *checks)
{
	struct stat st;
	_cleanup_free_ char *path = hosts_path();
	if (!path)
		add(checks, "config", false, "HOME is not set", "set HOME");
	else if (stat(path, &st) < 0)
		add(checks, "config", true, "no hosts.json yet", NULL);
	else if (st.st_mode & 077) {
		_cleanup_free_ char *message = xasprintf("others can read %s", path);
		_cleanup_free_ char *fix = xasprintf("chmod 600 %s", path);
		add(checks, "config", false, message, fix);
	} else
		add(checks, "config", true, path, NULL);
}

static void check_git(json_t *checks)
{
	const char *search = getenv("PATH");
	struct str rest = str_from(search ? search : ""), dir;
	while (str_split(&rest, ':', &dir)) {
		_cleanup_free_ char *path = xasprintf(STR_FMT "/git", STR_ARG(dir));
		if (access(path, X_OK) == 0) {
			add(checks, "git", true, path, NULL);
			return;
		}
	}
	add(checks, "git", true, "not installed: berth does not need it, 'git push' would", NULL);
}

static void check_clock(json_t *checks, int64_t date_ms)
{
	int64_t skew = clock_wall_ms() - date_ms;
	char took[32], words[96];
	if (!date_ms) {
		add(checks, "clock", true, "the agent does not tell its time", NULL);
		return;
	}
	format_duration((uint64_t)(skew < 0 ? -skew : skew), took, sizeof took);
	bool is_ok = skew > -SKEW_MAX_MS && skew < SKEW_MAX_MS;
	/* Date has whole seconds: less than two of them is no difference. */
	if (skew > -2000 && skew < 2000)
		(void)snprintf(words, sizeof words, "the same here and there");
	else
		(void)snprintf(words, sizeof words, "%s %s the agent's", took,
			skew > 0 ? "ahead of" : "behind");
	add(checks, "clock", is_ok, words,
		"certificates and tokens depend on it: timedatectl set-ntp true");
}

static bool check_agent(struct cli *cli, json_t *checks)
{
	struct api_answer answer = {0};
	struct failure f;
	char words[256];
	int64_t began = clock_monotonic_ms();
	int r = api_call(cli->http, &(struct api_request){"GET", "/v1/version", NULL}, &answer, &f);
	int ms = (int)(clock_monotonic_ms() - began);
	if (r == CLI_NOT_ALLOWED) {
		add(checks, "access", false, f.message, f.hint);
		return false;
	}
	if (r != CLI_OK) {
		add(checks, "reachable", false, f.message,
			f.hint[0] && !strstr(f.hint, "doctor")
				? f.hint
				: "start the agent, or name another host with -H");
		return false;
	}
	(void)snprintf(words, sizeof words, "%s answers in %d ms: agent %s, %s",
		http_client_name(cli->http), ms, cli_text(answer.json, "version"),
		cli_text(answer.json, "mode"));
	add(checks, "reachable", true, words, NULL);
	check_clock(checks, answer.date_ms);
	api_answer_clear(&answer);
	return true;
}

/* What the agent thinks of its host is for admins; a token for one app is fine nevertheless. */
static void check_scope(struct cli *cli, json_t *checks, const struct failure *refusal)
{
	struct api_answer answer = {0};
	struct failure f;
	if (api_call(cli->http, &(struct api_request){"GET", "/v1/apps", NULL}, &answer, &f) ==
		CLI_OK)
		add(checks, "access", true,
			"the token is valid, for less than the host: its own checks are left out",
			NULL);
	else
		add(checks, "access", false, refusal->message, refusal->hint);
	api_answer_clear(&answer);
}

static void check_there(struct cli *cli, json_t *checks)
{
	struct api_answer answer = {0};
	struct failure f;
	size_t i;
	const json_t *check;
	int r = api_call(cli->http, &(struct api_request){"GET", "/v1/doctor", NULL}, &answer, &f);
	if (r == CLI_NOT_ALLOWED) {
		check_scope(cli, checks, &f);
		return;
	}
	if (r != CLI_OK) {
		add(checks, "agent", false, f.message, f.hint);
		return;
	}
	add(checks, "access", true,
		cli->host.unix_path ? "by the socket, no token needed" : "the token is valid",
		NULL);
	json_array_foreach (json_object_get(answer.json, "checks"), i, check) {
		_cleanup_free_ char *name = xasprintf("agent: %s", cli_text(check, "name"));
		add(checks, name, json_is_true(json_object_get(check, "ok")),
			cli_text(check, "message"), cli_text(check, "fix"));
	}
	api_answer_clear(&answer);
}

static void check_host(struct cli *cli, json_t *checks)
{
	struct err err = {0};
	char words[512];
	int r = host_resolve(args_value(&cli->args, "host"), &cli->host, &err);
	if (r < 0) {
		add(checks, "host", false, err.msg,
			r == -ECONNREFUSED
				? "start it: berth-agent --standalone DIR"
				: "name one: -H HOST, BERTH_HOST, or berth init --host https://NAME "
				  "--token -");
		return;
	}
	struct http_target t = {
		cli->host.unix_path, cli->host.url, cli->host.token, cli->host.ca_file};
	(void)snprintf(words, sizeof words, "%s, from %s",
		cli->host.url ? cli->host.url : cli->host.unix_path, cli->host.origin);
	add(checks, "host", true, words, NULL);
	if (cli->host.ca_file)
		add(checks, "ca", file_exists(cli->host.ca_file), cli->host.ca_file,
			"the file is not there: berth init --host URL --ca FILE");
	if (http_client_new(&t, &cli->http, &err) < 0)
		add(checks, "http", false, err.msg, "");
	else if (check_agent(cli, checks))
		check_there(cli, checks);
}

static void print(const struct cli *cli, const json_t *check)
{
	bool is_ok = json_is_true(json_object_get(check, "ok"));
	bool color = cli->out.out_color;
	const char *mark = cli->out.is_unicode ? (is_ok ? "✓" : "✗") : is_ok ? "ok  " : "FAIL";
	_cleanup_free_ char *name = text_cleaned(cli_text(check, "name"));
	_cleanup_free_ char *message = text_cleaned(cli_text(check, "message"));
	_cleanup_free_ char *fix = text_cleaned(cli_text(check, "fix"));
	(void)printf("%s%s%s %-20s %s\n",
		!color	? ""
		: is_ok ? "\x1b[32m"
			: "\x1b[1;31m",
		mark, color ? "\x1b[0m" : "", name, message);
	if (!is_ok && *fix)
		(void)printf("  %-20s fix: %s\n", "", fix);
}

static int run(struct cli *cli)
{
	json_auto_t *answer = json_pack("{s:[]}", "checks");
	json_t *checks = json_object_get(answer, "checks");
	size_t i, failed = 0;
	const json_t *check;
	check_config(checks);
	check_manifest(cli, checks);
	check_git(checks);
	check_host(cli, checks);
	json_array_foreach (checks, i, check)
		failed += !json_is_true(json_object_get(check, "ok"));
	if (cli->out.is_json)
		(void)cli_print_json(cli, answer);
	else
		json_array_foreach (checks, i, check)
			print(cli, check);
	return failed ? CLI_FAILED : CLI_OK;
}

const struct command verb_doctor = {
	.name = "doctor",
	.synonyms = " check health ",
	.summary = "check this machine and the agent, with a fix for what is wrong",
	.run = run,
};
