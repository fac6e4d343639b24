/* SPDX-License-Identifier: Apache-2.0
 *
 * berth init: a berth.yaml to begin with, or, with --host, an agent to remember.
 */
#include "cli/verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>

#include "cli/api.h"
#include "lib/base/str.h"
#include "lib/data/manifest.h"
#include "lib/sys/fd.h"

#define TOKEN_BYTES_MAX 4096u

static const char template[] =
	"# How Berth builds and runs this app. All of it is optional: 'berth deploy --plan'\n"
	"# says what it finds out by itself. berth.yaml(5) describes every key.\n"
	"app: %s\n"
	"\n"
	"#domains: [%s.example.com]\n"
	"\n"
	"# Runs before a new release starts, while the old one serves:\n"
	"#release: python manage.py migrate --noinput\n"
	"\n"
	"#processes:\n"
	"#  web: {command: \"gunicorn shop.wsgi\", instances: 2, memory: 256M, health: {path: /up}}\n"
	"#  worker: {command: \"celery -A shop worker\"}\n"
	"\n"
	"# Folders that outlive releases; the app finds them in $BERTH_VOLUMES:\n"
	"#volumes: [media]\n"
	"\n"
	"# Folders that are served without the app:\n"
	"#static: {/static: staticfiles}\n";

static int write_manifest(struct cli *cli)
{
	const char *dir = cli->project.dir;
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, MANIFEST_FILE);
	char name[IDENT_APP_MAX + 1];
	project_name_from_folder(dir, name);
	if (cli->project.manifest_path) {
		output_note(&cli->out, "%s is there already and stays as it is",
			cli->project.manifest_path);
		return CLI_OK;
	}
	const char *app = args_has(&cli->args, "app") ? cli->app : name;
	_cleanup_free_ char *text = xasprintf(template, app, app);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	struct err err = {0};
	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0) {
		(void)err_errno(&err, errno, "cannot write %s", path);
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	}
	output_note(&cli->out, "wrote %s for app %s", path, app);
	return CLI_OK;
}

static int init_folder(struct cli *cli)
{
	int r = cli_find_project(cli);
	if (r == CLI_OK && args_has(&cli->args, "app"))
		r = cli_find_app(cli);
	if (r == CLI_OK)
		r = write_manifest(cli);
	if (r != CLI_OK)
		return r;
	if (cli->out.is_json) {
		json_auto_t *o = json_pack("{s:s+}", "file", cli->project.dir, "/" MANIFEST_FILE);
		return cli_print_json(cli, o);
	}
	output_note(
		&cli->out, "next: berth deploy --plan says what it would do, berth deploy does it");
	return CLI_OK;
}

/* --token VALUE, --token - (stdin), BERTH_TOKEN, or a question. "" when there is none. */
static int choose_token(struct cli *cli, char **ret)
{
	const char *given = args_value(&cli->args, "token");
	const char *variable = getenv("BERTH_TOKEN");
	if (given && streq(given, "-")) {
		_cleanup_buf_ struct buf b = BUF_INIT(TOKEN_BYTES_MAX);
		if (cli->out.in_is_terminal)
			return cli_ask(cli, "token:", true, NULL, ret);
		if (fd_read_all(STDIN_FILENO, &b) < 0)
			return output_fail(
				&cli->out, CLI_USAGE, NULL, "cannot read the token from stdin");
		*ret = xstrndup(buf_len(&b) ? buf_data(&b) : "", buf_len(&b));
		(*ret)[strcspn(*ret, "\r\n")] = 0;
		return CLI_OK;
	}
	*ret = xstrdup(given ? given : variable ? variable : "");
	return CLI_OK;
}

static int check_token(const struct cli *cli, const char *token)
{
	must(token);
	for (const char *p = token; *p; p++)
		if (*p <= ' ' || *p > '~')
			return output_fail(&cli->out, CLI_USAGE, NULL,
				"that is not a token: it has a character that none has");
	return CLI_OK;
}

/* Asks the agent with what is about to be kept: what does not work is not kept. */
static int try_host(struct cli *cli, const char *token)
{
	struct http_target t = {cli->host.unix_path, cli->host.url, *token ? token : NULL,
		args_value(&cli->args, "ca")};
	struct api_answer answer = {0};
	struct failure f;
	struct err err = {0};
	/* What the file and the environment say about this host is the fallback. */
	if (!t.token)
		t.token = cli->host.token;
	if (!t.ca_file)
		t.ca_file = cli->host.ca_file;
	if (http_client_new(&t, &cli->http, &err) < 0)
		return output_fail(&cli->out, CLI_BUG, NULL, "%s", err.msg);
	if (api_call(cli->http, &(struct api_request){"GET", "/v1/apps", NULL}, &answer, &f) !=
		CLI_OK)
		return output_failure(&cli->out, &f);
	api_answer_clear(&answer);
	return CLI_OK;
}

static int init_host(struct cli *cli)
{
	struct err err = {0};
	_cleanup_free_ char *token = NULL, *name = NULL, *path = NULL;
	if (host_resolve(args_value(&cli->args, "host"), &cli->host, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	int r = choose_token(cli, &token);
	if (r == CLI_OK)
		r = check_token(cli, token);
	if (r == CLI_OK)
		r = try_host(cli, token);
	if (r != CLI_OK)
		return r;
	if (cli->host.unix_path) {
		path = realpath(cli->host.unix_path, NULL);
		name = xasprintf("unix:%s", path ? path : cli->host.unix_path);
	} else {
		name = xstrdup(cli->host.url);
	}
	struct host_entry e = {name, *token ? token : NULL, args_value(&cli->args, "ca")};
	if (hosts_save(&e, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	explicit_bzero(token, strlen(token));
	if (cli->out.is_json) {
		json_auto_t *o = json_pack("{s:s}", "default", name);
		return cli_print_json(cli, o);
	}
	output_note(&cli->out, "%s is the default host from now on", name);
	output_note(&cli->out, "next: berth deploy, in an app's folder");
	return CLI_OK;
}

static int run(struct cli *cli)
{
	if (args_has(&cli->args, "host"))
		return init_host(cli);
	if (args_has(&cli->args, "token") || args_has(&cli->args, "ca"))
		return output_fail(&cli->out, CLI_USAGE, "berth init --host https://NAME --token -",
			"--token and --ca belong to a host, and none is named");
	return init_folder(cli);
}

static const struct option options[] = {
	{"token", 0, "TOKEN", "with --host: the token to keep; - reads it from stdin"},
	{"ca", 0, "FILE", "with --host: the CA that signed its certificate"},
};

const struct command verb_init = {
	.name = "init",
	.synonyms = " login link setup ",
	.summary = "write a berth.yaml, or with --host remember an agent",
	.help = "Without --host: writes a commented berth.yaml in this folder unless there is one.\n"
		"With --host: checks that the agent answers, keeps its address, token and CA in\n"
		"~/.config/berth/hosts.json, and makes it the default.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run,
};
