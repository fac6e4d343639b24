/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines.
 */
#include "cli/args.h"

#include <errno.h>

#include "lib/base/str.h"

#define CANDIDATES_MAX 64

const struct command *command_find(const struct command *in, const char *name)
{
	for (size_t i = 0; i < in->command_count; i++)
		if (streq(in->commands[i]->name, name))
			return in->commands[i];
	return NULL;
}

const struct command *args_command(const struct args *a)
{
	const struct command *c = a->path[a->depth - 1];
	return a->depth > 1 && c->command_count ? c->commands[0] : c;
}

void args_command_name(const struct args *a, char *to, size_t size)
{
	size_t at = 0;
	to[0] = 0;
	for (size_t i = 0; i < a->depth && at < size; i++)
		at += (size_t)snprintf(to + at, size - at, "%s%s", i ? " " : "", a->path[i]->name);
}

/* The option tables in force: the named command's (or its default's) and those above it. */
static size_t tables(const struct args *a, const struct command **to)
{
	size_t n = 0;
	const struct command *last = args_command(a);
	if (last != a->path[a->depth - 1])
		to[n++] = last;
	for (size_t i = a->depth; i-- > 0;)
		to[n++] = a->path[i];
	return n;
}

static const struct option *find_option(const struct args *a, struct str name, char letter)
{
	const struct command *from[ARGS_DEPTH_MAX + 1];
	size_t n = tables(a, from);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < from[i]->option_count; j++) {
			const struct option *o = &from[i]->options[j];
			if (letter ? o->letter == letter : str_eq(str_from(o->name), name))
				return o;
		}
	return NULL;
}

static int fail_unknown_option(const struct args *a, struct str name, struct err *err)
{
	const struct command *from[ARGS_DEPTH_MAX + 1];
	const char *candidates[CANDIDATES_MAX];
	size_t count = 0, n = tables(a, from);
	char command[64];
	_cleanup_free_ char *word = str_dup(name);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < from[i]->option_count && count < CANDIDATES_MAX; j++)
			candidates[count++] = from[i]->options[j].name;
	const char *near = str_nearest(word, candidates, count);
	args_command_name(a, command, sizeof command);
	if (near)
		return err_set(err, EINVAL, "%s has no flag --%s; did you mean --%s?", command,
			word, near);
	return err_set(err, EINVAL, "%s has no flag --%s", command, word);
}

/* What other tools call it, or what is spelt nearly so. */
static const char *suggest_command(const struct command *in, const char *word)
{
	const char *candidates[CANDIDATES_MAX];
	_cleanup_free_ char *needle = xasprintf(" %s ", word);
	size_t n = 0;
	for (; n < in->command_count && n < CANDIDATES_MAX; n++) {
		candidates[n] = in->commands[n]->name;
		if (in->commands[n]->synonyms && strstr(in->commands[n]->synonyms, needle))
			return candidates[n];
	}
	return str_nearest(word, candidates, n);
}

static int fail_unknown_command(const struct args *a, const char *word, struct err *err)
{
	char command[64];
	const char *near = suggest_command(a->path[a->depth - 1], word);
	args_command_name(a, command, sizeof command);
	if (near)
		return err_set(err, EINVAL, "%s has no command \"%s\"; did you mean \"%s\"?",
			command, word, near);
	return err_set(err, EINVAL, "%s has no command \"%s\"", command, word);
}

static void give(struct args *a, const struct option *o, const char *value)
{
	a->given = xrealloc(a->given, a->given_count + 1, sizeof *a->given);
	a->given[a->given_count++] = (struct arg){o, value};
}

/* "--name", "--name=value", "--name value"; *i moves on when the next word was the value. */
static int parse_long(struct args *a, char *const *argv, int argc, int *i, struct err *err)
{
	struct str rest = str_from(argv[*i] + 2), name = {0};
	(void)str_split(&rest, '=', &name);
	const char *value = strchr(argv[*i], '=');
	const struct option *o = find_option(a, name, 0);
	if (!o)
		return fail_unknown_option(a, name, err);
	if (!o->value && value)
		return err_set(err, EINVAL, "--%s takes no value", o->name);
	if (!o->value)
		give(a, o, "");
	else if (value)
		give(a, o, value + 1);
	else if (*i + 1 < argc)
		give(a, o, argv[++*i]);
	else
		return err_set(
			err, EINVAL, "--%s needs a value: --%s %s", o->name, o->name, o->value);
	return 0;
}

/* "-f", "-fn5", "-n 5": flags in a row; the first that takes a value takes the rest, or the next
 * word. */
static int parse_letters(struct args *a, char *const *argv, int argc, int *i, struct err *err)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct option *o = find_option(a, (struct str){0}, *p);
		if (!o) {
			char command[64];
			args_command_name(a, command, sizeof command);
			return err_set(err, EINVAL, "%s has no flag -%c", command, *p);
		}
		if (!o->value) {
			give(a, o, "");
			continue;
		}
		if (p[1])
			give(a, o, p + 1);
		else if (*i + 1 < argc)
			give(a, o, argv[++*i]);
		else
			return err_set(err, EINVAL, "-%c needs a value: -%c %s", *p, *p, o->value);
		break;
	}
	return 0;
}

static int parse_word(struct args *a, const char *word, struct err *err)
{
	const struct command *c = a->path[a->depth - 1];
	if (c->command_count && a->operand_count == 0) {
		const struct command *sub = command_find(c, word);
		if (!sub)
			return fail_unknown_command(a, word, err);
		must(a->depth < ARGS_DEPTH_MAX);
		a->path[a->depth++] = sub;
		return 0;
	}
	a->operands = xrealloc(a->operands, a->operand_count + 1, sizeof *a->operands);
	a->operands[a->operand_count++] = word;
	return 0;
}

static int check_operands(const struct args *a, struct err *err)
{
	const struct command *c = args_command(a);
	char command[64];
	args_command_name(a, command, sizeof command);
	if (args_has(a, "help") || a->depth == 1)
		return 0;
	if (a->operand_count < c->operands_min)
		return err_set(err, EINVAL, "%s needs %s", command, c->operands);
	if (a->operand_count > c->operands_max)
		return err_set(err, EINVAL, "%s takes no operand \"%s\"", command,
			a->operands[c->operands_max]);
	return 0;
}

int args_parse(
	struct args *a, const struct command *root, int argc, char *const *argv, struct err *err)
{
	*a = (struct args){.path = {root}, .depth = 1};
	bool flags_ended = false;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		int k = 0;
		if (flags_ended || word[0] != '-' || !word[1])
			k = parse_word(a, word, err);
		else if (streq(word, "--"))
			flags_ended = true;
		else if (word[1] == '-')
			k = parse_long(a, argv, argc, &i, err);
		else
			k = parse_letters(a, argv, argc, &i, err);
		if (k < 0)
			return k;
	}
	return check_operands(a, err);
}

void args_free(struct args *a)
{
	free(a->given);
	free(a->operands);
	*a = (struct args){0};
}

const char *args_value(const struct args *a, const char *name)
{
	must(find_option(a, str_from(name), 0));
	for (size_t i = a->given_count; i-- > 0;)
		if (streq(a->given[i].option->name, name))
			return a->given[i].value;
	return NULL;
}

bool args_has(const struct args *a, const char *name)
{
	return args_value(a, name) != NULL;
}

const char *args_operand(const struct args *a, size_t i)
{
	return i < a->operand_count ? a->operands[i] : NULL;
}
