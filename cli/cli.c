/* SPDX-License-Identifier: Apache-2.0
 *
 * What all verbs share: the app, the agent, printing.
 */
#include "cli/cli.h"

#include <errno.h>
#include <termios.h>

#include "cli/api.h"
#include "cli/table.h"
#include "cli/text.h"
#include "lib/base/clock.h"

#define TABLE_BYTES_MAX (64u << 20)

int cli_find_project(struct cli *cli)
{
	struct err err = {0};
	if (cli->project.dir)
		return CLI_OK;
	if (project_find(args_value(&cli->args, "dir"), &cli->project, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	return CLI_OK;
}

static int choose_app(struct cli *cli)
{
	struct err err = {0};
	char name[IDENT_APP_MAX + 1];
	const char *given = args_value(&cli->args, "app");
	const char *variable = getenv("BERTH_APP");
	if (given) {
		cli->app = xstrdup(given);
		cli->app_origin = "-a";
		return CLI_OK;
	}
	if (project_check(&cli->project, &cli->app, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	cli->app_origin = "berth.yaml";
	if (cli->app)
		return CLI_OK;
	if (variable && *variable) {
		cli->app = xstrdup(variable);
		cli->app_origin = "BERTH_APP";
		return CLI_OK;
	}
	project_name_from_folder(cli->project.dir, name);
	cli->app = xstrdup(name);
	cli->app_origin = "the folder's name";
	return CLI_OK;
}

int cli_find_app(struct cli *cli)
{
	struct err err = {0};
	if (cli->app)
		return CLI_OK;
	int r = cli_find_project(cli);
	if (r == CLI_OK)
		r = choose_app(cli);
	if (r == CLI_OK && ident_check_app(cli->app, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "the app's name, from %s: %s",
			cli->app_origin, err.msg);
	return r;
}

int cli_connect(struct cli *cli)
{
	struct err err = {0};
	if (cli->http)
		return CLI_OK;
	int r = host_resolve(args_value(&cli->args, "host"), &cli->host, &err);
	if (r == -ENOENT)
		return output_fail(&cli->out, CLI_USAGE,
			"name one with -H or BERTH_HOST, or keep it: berth init --host https://NAME "
			"--token -",
			"%s", err.msg);
	if (r == -ECONNREFUSED)
		return output_fail(&cli->out, CLI_UNREACHABLE,
			"start one: berth-agent --standalone DIR", "%s", err.msg);
	if (r < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	struct http_target t = {
		cli->host.unix_path, cli->host.url, cli->host.token, cli->host.ca_file};
	if (http_client_new(&t, &cli->http, &err) < 0)
		return output_fail(&cli->out, CLI_BUG, NULL, "%s", err.msg);
	return CLI_OK;
}

char *cli_app_path(const struct cli *cli, const char *rest)
{
	_cleanup_free_ char *app = http_escape(cli->app);
	return xasprintf("/v1/apps/%s%s", app, rest);
}

/* An app that is not there is most often the wrong name: say where the name came from. */
static void explain(const struct cli *cli, struct failure *f)
{
	if (f->exit != CLI_NOT_FOUND || !cli->app || !strstr(f->message, "no app") ||
		!strstr(f->message, cli->app))
		return;
	_cleanup_free_ char *said = xstrdup(f->hint);
	(void)snprintf(f->hint, sizeof f->hint, "the name comes from %s; %s", cli->app_origin,
		*said ? said : "'berth apps' lists what is there");
}

int cli_call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret)
{
	json_auto_t *owned_body = body;
	struct api_answer answer = {0};
	struct failure f;
	if (ret)
		*ret = NULL;
	int r = cli_connect(cli);
	if (r != CLI_OK)
		return r;
	if (api_call(cli->http, &(struct api_request){method, path, owned_body}, &answer, &f) !=
		CLI_OK) {
		explain(cli, &f);
		return output_failure(&cli->out, &f);
	}
	if (ret)
		*ret = take_ptr(answer.json);
	api_answer_clear(&answer);
	return CLI_OK;
}

int cli_call_app(struct cli *cli, const char *method, const char *rest, json_t *body, json_t **ret)
{
	int r = cli_find_app(cli);
	if (r != CLI_OK) {
		json_decref(body);
		return r;
	}
	_cleanup_free_ char *path = cli_app_path(cli, rest);
	return cli_call(cli, method, path, body, ret);
}

int cli_print_json(const struct cli *cli, const json_t *value)
{
	/* On a terminal nothing but ASCII: a string may hold what would steer it. */
	size_t flags = cli->out.out_is_terminal ? JSON_INDENT(2) | JSON_ENSURE_ASCII : JSON_COMPACT;
	if (json_dumpf(value, stdout, flags | JSON_ENCODE_ANY) == 0)
		(void)fputc('\n', stdout);
	return CLI_OK;
}

void cli_print_table(const struct cli *cli, const struct table *t)
{
	_cleanup_buf_ struct buf b = BUF_INIT(TABLE_BYTES_MAX);
	table_format(t, output_width(STDOUT_FILENO), cli->out.out_color ? "\x1b[1m" : NULL, &b);
	if (buf_len(&b))
		(void)fwrite(buf_data(&b), 1, buf_len(&b), stdout);
}

int cli_ask(const struct cli *cli, const char *question, bool is_secret, const char *otherwise,
	char **ret)
{
	struct termios before, quiet;
	char *line = NULL;
	size_t size = 0;
	if (!cli->out.in_is_terminal || !cli->out.err_is_terminal)
		return output_fail(&cli->out, CLI_USAGE, otherwise,
			"this needs an answer, and there is no terminal to ask on");
	bool is_hidden = is_secret && tcgetattr(STDIN_FILENO, &before) == 0;
	if (is_hidden) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	/* Asked only now: what is typed at once is neither shown nor thrown away. */
	(void)fprintf(stderr, "%s ", question);
	ssize_t n = getline(&line, &size, stdin);
	if (is_hidden) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		(void)fputc('\n', stderr);
	}
	if (n < 0) {
		free(line);
		return output_fail(&cli->out, CLI_USAGE, otherwise, "no answer");
	}
	line[strcspn(line, "\r\n")] = 0;
	*ret = line;
	return CLI_OK;
}

const char *cli_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

int64_t cli_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

char *cli_ago(const json_t *object, const char *key)
{
	char words[TEXT_AGO_SIZE] = "";
	int64_t then;
	if (text_parse_time(cli_text(object, key), &then) == 0)
		text_ago(then, clock_wall_ms(), words);
	return xstrdup(words);
}

char *cli_release_words(const json_t *release)
{
	const char *description = cli_text(release, "description");
	const char *message = cli_text(json_object_get(release, "source"), "message");
	bool says_more = *description && !streq(description, "deploy");
	return xstrdup(says_more || !*message ? description : message);
}
