/* SPDX-License-Identifier: Apache-2.0
 *
 * berth env list | get | set | unset. Values are secrets: they come by file, stdin or prompt where
 * the person wants it so, and are printed only by list and get.
 */
#include "cli/verbs/verbs.h"

#include <errno.h>

#include "cli/progress.h"
#include "cli/watch.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/data/envfile.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

static bool is_plain(const char *value)
{
	size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "_./:@%+,=-");
	return *value && value[n] == 0;
}

/* A line that `berth env set --file` reads back. */
static char *format_pair(const char *name, const char *value)
{
	_cleanup_buf_ struct buf b = BUF_INIT(2 * strlen(value) + strlen(name) + 8);
	if (is_plain(value))
		return xasprintf("%s=%s", name, value);
	must(buf_printf(&b, "%s=\"", name) == 0);
	for (; *value; value++) {
		const char *special = strchr("\n\r\t\"\\", *value);
		char escaped[3] = {'\\', *value, 0};
		if (special)
			escaped[1] = "nrt\"\\"[special - "\n\r\t\"\\"];
		must(buf_puts(&b, special ? escaped : escaped + 1) == 0);
	}
	must(buf_puts(&b, "\"") == 0);
	return xstrndup(buf_data(&b), buf_len(&b));
}

static int list(struct cli *cli)
{
	json_auto_t *answer = NULL;
	const char *name;
	json_t *value;
	int r = cli_call_app(cli, "GET", "/env", NULL, &answer);
	if (r != CLI_OK)
		return r;
	json_t *env = json_object_get(answer, "env");
	if (cli->out.is_json)
		return cli_print_json(cli, answer);
	json_object_foreach (env, name, value) {
		_cleanup_free_ char *line =
			format_pair(name, json_is_string(value) ? json_string_value(value) : "");
		if (cli->out.is_quiet)
			output_line(&cli->out, "%s", name);
		else
			output_line(&cli->out, "%s", line);
	}
	if (json_object_size(env) == 0)
		output_note(&cli->out, "%s has no environment of its own", cli->app);
	return CLI_OK;
}

static int get(struct cli *cli)
{
	json_auto_t *answer = NULL;
	const char *name = args_operand(&cli->args, 0);
	int r = cli_call_app(cli, "GET", "/env", NULL, &answer);
	if (r != CLI_OK)
		return r;
	const json_t *value = json_object_get(json_object_get(answer, "env"), name);
	if (!json_is_string(value))
		return output_fail(&cli->out, CLI_NOT_FOUND, "'berth env list -q' lists the names",
			"%s has no variable %s", cli->app, name);
	if (cli->out.is_json)
		return cli_print_json(cli, value);
	struct str rest = str_from(json_string_value(value)), line;
	if (!cli->out.out_is_terminal)
		(void)puts(rest.p); /* exactly, for scripts */
	else
		while (str_split(&rest, '\n', &line))
			output_line(&cli->out, STR_FMT, STR_ARG(line));
	return CLI_OK;
}

static int read_stdin(char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT(ENVFILE_BYTES_MAX + 1);
	int r = fd_read_all(STDIN_FILENO, &b);
	if (r < 0)
		return err_errno(err, -r, "cannot read stdin");
	*ret_len = buf_len(&b);
	*ret = xstrndup(buf_len(&b) ? buf_data(&b) : "", buf_len(&b));
	return 0;
}

static int add_file(struct envfile *to, const char *file, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(envfile_freep) struct envfile *from = NULL;
	size_t len = 0;
	bool is_stdin = streq(file, "-");
	int r = is_stdin ? read_stdin(&text, &len, err)
			 : file_read(file, ENVFILE_BYTES_MAX, &text, &len, err);
	if (r == 0)
		r = dotenv_parse(is_stdin ? "stdin" : file, text, len, &from, err);
	for (size_t i = 0; r == 0 && i < from->count; i++)
		r = envfile_set(to, from->pairs[i].name, from->pairs[i].value, err);
	if (text)
		explicit_bzero(text, strlen(text));
	return r;
}

/* NAME alone: the value is asked for, or is what stdin holds, without its last newline. */
static int add_asked(struct cli *cli, struct envfile *to, const char *name)
{
	struct err err = {0};
	_cleanup_free_ char *value = NULL;
	_cleanup_free_ char *question = xasprintf("%s:", name);
	size_t len;
	if (ident_check_env(name, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	int r = CLI_OK;
	if (cli->out.in_is_terminal)
		r = cli_ask(cli, question, true, "write NAME=VALUE", &value);
	else if (read_stdin(&value, &len, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	if (r != CLI_OK)
		return r;
	size_t n = strlen(value);
	if (n > 0 && value[n - 1] == '\n')
		value[n - 1] = 0;
	if (envfile_set(to, name, value, &err) < 0)
		r = output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	explicit_bzero(value, n);
	return r;
}

static int add_operand(struct cli *cli, struct envfile *to, const char *word)
{
	struct err err = {0};
	const char *equals = strchr(word, '=');
	if (!equals)
		return add_asked(cli, to, word);
	_cleanup_free_ char *name = xstrndup(word, (size_t)(equals - word));
	if (ident_check_env(name, &err) < 0 || envfile_set(to, name, equals + 1, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	return CLI_OK;
}

static int collect(struct cli *cli, struct envfile *to)
{
	struct err err = {0};
	const char *file = args_value(&cli->args, "file");
	if (!file && cli->args.operand_count == 0) {
		if (cli->out.in_is_terminal)
			return output_fail(&cli->out, CLI_USAGE,
				"berth env set NAME=VALUE..., NAME (asks), --file .env, or - for stdin",
				"nothing to set");
		file = "-";
	}
	if (file && add_file(to, file, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	for (size_t i = 0; i < cli->args.operand_count; i++) {
		int r = add_operand(cli, to, args_operand(&cli->args, i));
		if (r != CLI_OK)
			return r;
	}
	if (to->count == 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "nothing to set: no variable in %s",
			streq(file, "-") ? "stdin" : file);
	return CLI_OK;
}

/* Sends the change, and follows the deploy that it starts. Takes `set` and `unset`. */
static int patch(struct cli *cli, json_t *set, json_t *unset, const char *what)
{
	json_auto_t *answer = NULL;
	bool deploys = !args_has(&cli->args, "no-deploy");
	json_t *body = json_pack("{s:o,s:o,s:b}", "set", set, "unset", unset, "deploy", deploys);
	must(body);
	int r = cli_call_app(cli, "PATCH", "/env", body, &answer);
	if (r != CLI_OK)
		return r;
	if (!json_object_get(answer, "id")) {
		if (cli->out.is_json)
			return cli_print_json(cli, answer ? answer : json_null());
		output_note(&cli->out, "%s; the next deploy uses it", what);
		return CLI_OK;
	}
	output_note(&cli->out, "%s", what);
	struct progress *p = watch_display_new(cli);
	r = watch_or_detach(cli, answer, p);
	progress_free(p);
	return r;
}

static int set(struct cli *cli)
{
	char what[64];
	_cleanup_(envfile_freep) struct envfile *env = envfile_new();
	int r = cli_find_app(cli);
	if (r == CLI_OK)
		r = collect(cli, env);
	if (r != CLI_OK)
		return r;
	json_t *pairs = json_object();
	for (size_t i = 0; i < env->count; i++)
		if (json_object_set_new(
			    pairs, env->pairs[i].name, json_string(env->pairs[i].value)) < 0) {
			json_decref(pairs);
			return output_fail(&cli->out, CLI_USAGE, NULL,
				"the value of %s is not UTF-8 text", env->pairs[i].name);
		}
	(void)snprintf(
		what, sizeof what, "%zu variable%s set", env->count, env->count == 1 ? "" : "s");
	return patch(cli, pairs, json_array(), what);
}

static int unset(struct cli *cli)
{
	char what[64];
	struct err err = {0};
	json_t *names = json_array();
	size_t n = cli->args.operand_count;
	for (size_t i = 0; i < n; i++) {
		const char *name = args_operand(&cli->args, i);
		if (ident_check_env(name, &err) < 0) {
			json_decref(names);
			return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
		}
		(void)json_array_append_new(names, json_string(name));
	}
	(void)snprintf(what, sizeof what, "%zu variable%s removed", n, n == 1 ? "" : "s");
	return patch(cli, json_object(), names, what);
}

static const struct option set_options[] = {
	{"file", 0, "FILE", "read NAME=VALUE lines from a .env file; - is stdin"},
	{"no-deploy", 0, NULL, "keep it for the next deploy"},
	VERB_WAIT_OPTIONS,
};
static const struct option unset_options[] = {
	{"no-deploy", 0, NULL, "keep it for the next deploy"},
	VERB_WAIT_OPTIONS,
};

static const struct command list_command = {.name = "list",
	.synonyms = " ls show ",
	.summary = "all variables, as a .env file; -q: only names",
	.run = list};
static const struct command get_command = {.name = "get",
	.summary = "the value of one variable",
	.operands = "NAME",
	.operands_min = 1,
	.operands_max = 1,
	.run = get};
static const struct command set_command = {.name = "set",
	.synonyms = " add ",
	.summary = "set variables and restart with them",
	.operands = "[NAME=VALUE|NAME]...",
	.operands_max = COMMAND_ANY_OPERANDS,
	.help = "What is live is started again with the new environment, without a build, and takes\n"
		"over when it is healthy. NAME without a value is asked for, or read from stdin, so\n"
		"that a secret stays out of the shell's history and of process listings.",
	.options = set_options,
	.option_count = ARRAY_SIZE(set_options),
	.run = set};
static const struct command unset_command = {.name = "unset",
	.synonyms = " delete remove rm del ",
	.summary = "remove variables and restart without them",
	.operands = "NAME...",
	.operands_min = 1,
	.operands_max = COMMAND_ANY_OPERANDS,
	.options = unset_options,
	.option_count = ARRAY_SIZE(unset_options),
	.run = unset};

static const struct command *const commands[] = {
	&list_command, &get_command, &set_command, &unset_command};

const struct command verb_env = {
	.name = "env",
	.synonyms = " config vars variables secrets ",
	.summary = "the environment of an app: list, get, set, unset",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
