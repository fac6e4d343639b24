/* SPDX-License-Identifier: Apache-2.0
 *
 * berth completion bash | zsh | fish: scripts made from the command table.
 */
#include "cli/verbs/verbs.h"

#include "lib/base/str.h"

static void print_words(const struct command *c)
{
	for (size_t i = 0; i < c->command_count; i++)
		(void)printf("%s ", c->commands[i]->name);
	for (size_t i = 0; i < c->option_count; i++)
		(void)printf("--%s ", c->options[i].name);
}

/* What may stand behind a verb: its subcommands and flags, and those of its default. */
static void print_bash_case(const struct command *verb)
{
	(void)printf("\t%s) words=\"", verb->name);
	print_words(verb);
	if (verb->command_count)
		print_words(verb->commands[0]);
	(void)printf("\" ;;\n");
}

/* Patterns of the flags that take a value, so that the value is not taken for a verb. */
static void print_value_flags(const struct command *c, bool *is_first)
{
	for (size_t i = 0; i < c->option_count; i++) {
		const struct option *o = &c->options[i];
		if (!o->value)
			continue;
		(void)printf("%s--%s", *is_first ? "" : "|", o->name);
		if (o->letter)
			(void)printf("|-%c", o->letter);
		*is_first = false;
	}
	for (size_t i = 0; i < c->command_count; i++)
		print_value_flags(c->commands[i], is_first);
}

/* Finds the verb and subcommand on the line; values of flags are none. */
static void print_bash_scan(void)
{
	bool is_first = true;
	(void)printf("_berth() {\n"
		     "\tlocal i word path=\"\" words=\"\" cur=\"${COMP_WORDS[COMP_CWORD]}\"\n"
		     "\tlocal prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
		     "\tcase \"$prev\" in\n"
		     "\t-C|--dir|--ca|--file) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
		     "\t");
	print_value_flags(&berth_command, &is_first);
	(void)printf(") return ;;\n"
		     "\tesac\n"
		     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		     "\t\tword=\"${COMP_WORDS[i]}\"\n"
		     "\t\tcase \"$word\" in\n"
		     "\t\t");
	is_first = true;
	print_value_flags(&berth_command, &is_first);
	(void)printf(") ((i++)) ;;\n"
		     "\t\t-*) ;;\n"
		     "\t\t*) path=\"${path:+$path }$word\" ;;\n"
		     "\t\tesac\n"
		     "\tdone\n");
}

static void print_bash(void)
{
	const struct command *root = &berth_command;
	(void)printf("# bash completion of berth(1)\n");
	print_bash_scan();
	(void)printf("\tcase \"$path\" in\n\t\"\") words=\"");
	for (size_t i = 0; i < root->command_count; i++)
		(void)printf("%s ", root->commands[i]->name);
	(void)printf("\" ;;\n");
	for (size_t i = 0; i < root->command_count; i++) {
		const struct command *verb = root->commands[i];
		print_bash_case(verb);
		for (size_t j = 0; j < verb->command_count; j++) {
			(void)printf("\t\"%s %s\"*) words=\"", verb->name, verb->commands[j]->name);
			print_words(verb->commands[j]);
			(void)printf("\" ;;\n");
		}
	}
	(void)printf("\tesac\n\twords+=\" ");
	for (size_t i = 0; i < root->option_count; i++)
		(void)printf("--%s ", root->options[i].name);
	(void)printf("\"\n"
		     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		     "}\n"
		     "complete -F _berth berth\n");
}

/* Quotes for a single-quoted word; zsh also wants brackets and colons escaped. */
static void print_quoted(const char *s, const char *escaped)
{
	for (; *s; s++) {
		if (*s == '\'')
			(void)printf("'\\''");
		else
			(void)printf("%s%c", strchr(escaped, *s) ? "\\" : "", *s);
	}
}

static void print_zsh_option(const struct option *o)
{
	char value[64] = "";
	if (o->value)
		(void)snprintf(value, sizeof value, ":%s:%s", o->value,
			streq(o->value, "FILE")	 ? "_files"
			: streq(o->value, "DIR") ? "_files -/"
						 : " ");
	if (o->letter)
		(void)printf(" \\\n\t\t'(-%c --%s)'{-%c,--%s%s}'[", o->letter, o->name, o->letter,
			o->name, o->value ? "=" : "");
	else
		(void)printf(" \\\n\t\t'--%s%s[", o->name, o->value ? "=" : "");
	print_quoted(o->help, "[]:");
	(void)printf("]%s'", value);
}

static void print_zsh_list(const char *what, const struct command *c)
{
	(void)printf("\t\tlocal -a %s=(", what);
	for (size_t i = 0; i < c->command_count; i++) {
		(void)printf("\n\t\t\t'%s:", c->commands[i]->name);
		print_quoted(c->commands[i]->summary, ":");
		(void)printf("'");
	}
	(void)printf(")\n\t\t_describe %s %s\n", what, what);
}

static void print_zsh_arguments(const struct command *c, const struct command *more)
{
	(void)printf("_arguments");
	for (size_t i = 0; i < berth_command.option_count; i++)
		print_zsh_option(&berth_command.options[i]);
	for (size_t i = 0; c && i < c->option_count; i++)
		print_zsh_option(&c->options[i]);
	for (size_t i = 0; more && i < more->option_count; i++)
		print_zsh_option(&more->options[i]);
}

static void print_zsh_verb(const struct command *verb)
{
	(void)printf("_berth_%s() {\n\t", verb->name);
	if (verb->command_count == 0) {
		print_zsh_arguments(verb, NULL);
		(void)printf(" \\\n\t\t'*::operand:_default'\n}\n\n");
		return;
	}
	(void)printf("local state line\n\t");
	print_zsh_arguments(NULL, verb->commands[0]);
	(void)printf(" \\\n\t\t'1:command:->command' '*::argument:->argument'\n"
		     "\tcase $state in\n\tcommand)\n");
	print_zsh_list("commands", verb);
	(void)printf("\t\t;;\n\targument)\n\t\tcase $line[1] in\n");
	for (size_t i = 0; i < verb->command_count; i++) {
		(void)printf("\t\t%s) ", verb->commands[i]->name);
		print_zsh_arguments(verb->commands[i], NULL);
		(void)printf(" \\\n\t\t'*::operand:_default' ;;\n");
	}
	(void)printf("\t\tesac ;;\n\tesac\n}\n\n");
}

static void print_zsh(void)
{
	const struct command *root = &berth_command;
	(void)printf("#compdef berth\n# zsh completion of berth(1)\n\n");
	for (size_t i = 0; i < root->command_count; i++)
		print_zsh_verb(root->commands[i]);
	(void)printf("_berth() {\n\tlocal state line\n\t");
	print_zsh_arguments(NULL, NULL);
	(void)printf(" \\\n\t\t'1:command:->command' '*::argument:->argument'\n"
		     "\tcase $state in\n\tcommand)\n");
	print_zsh_list("commands", root);
	(void)printf("\t\t;;\n\targument)\n"
		     "\t\t(( $+functions[_berth_$line[1]] )) && _berth_$line[1] ;;\n"
		     "\tesac\n}\n\n"
		     "if [ \"$funcstack[1]\" = _berth ]; then\n\t_berth \"$@\"\n"
		     "else\n\tcompdef _berth berth\nfi\n");
}

static void print_fish_options(const struct command *c, const char *condition)
{
	for (size_t i = 0; i < c->option_count; i++) {
		const struct option *o = &c->options[i];
		(void)printf("complete -c berth%s", condition);
		if (o->letter)
			(void)printf(" -s %c", o->letter);
		(void)printf(" -l %s%s -d '", o->name,
			!o->value		  ? ""
			: streq(o->value, "FILE") ? " -r -F"
						  : " -x");
		print_quoted(o->help, "");
		(void)printf("'\n");
	}
}

static void print_fish_commands(const struct command *c, const char *condition)
{
	for (size_t i = 0; i < c->command_count; i++) {
		(void)printf("complete -c berth%s -a %s -d '", condition, c->commands[i]->name);
		print_quoted(c->commands[i]->summary, "");
		(void)printf("'\n");
	}
}

static void print_fish(void)
{
	const struct command *root = &berth_command;
	char condition[160];
	(void)printf("# fish completion of berth(1)\ncomplete -c berth -f\n");
	print_fish_options(root, "");
	print_fish_commands(root, " -n __fish_use_subcommand");
	for (size_t i = 0; i < root->command_count; i++) {
		const struct command *verb = root->commands[i];
		(void)snprintf(condition, sizeof condition, " -n '__fish_seen_subcommand_from %s'",
			verb->name);
		print_fish_commands(verb, condition);
		print_fish_options(verb, condition);
		for (size_t j = 0; j < verb->command_count; j++) {
			(void)snprintf(condition, sizeof condition,
				" -n '__fish_seen_subcommand_from %s; and "
				"__fish_seen_subcommand_from %s'",
				verb->name, verb->commands[j]->name);
			print_fish_options(verb->commands[j], condition);
		}
	}
}

static int run(struct cli *cli)
{
	const char *shell = args_operand(&cli->args, 0);
	if (streq(shell, "bash"))
		print_bash();
	else if (streq(shell, "zsh"))
		print_zsh();
	else if (streq(shell, "fish"))
		print_fish();
	else
		return output_fail(&cli->out, CLI_USAGE, "berth completion bash, zsh or fish",
			"no completion for \"%s\"", shell);
	return CLI_OK;
}

const struct command verb_completion = {
	.name = "completion",
	.synonyms = " completions ",
	.summary = "a script that completes commands in bash, zsh or fish",
	.operands = "SHELL",
	.operands_min = 1,
	.operands_max = 1,
	.help = "bash: source <(berth completion bash), in ~/.bashrc\n"
		"zsh:  berth completion zsh > \"${fpath[1]}/_berth\"\n"
		"fish: berth completion fish > ~/.config/fish/completions/berth.fish",
	.run = run,
};
