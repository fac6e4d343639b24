/* SPDX-License-Identifier: Apache-2.0
 *
 * A shell line, read up to its first program.
 */
#include "builders/command.h"

#include <ctype.h>

/* Words after which "exec" would not do what was meant. */
static const char *const builtins[] = {"if", "for", "while", "until", "case", "cd", "export", "set",
	"unset", "exec", "eval", ".", "source", "ulimit", "umask", "trap", "test", "[", "{", "!",
	"command", "wait", "read", "true", "false", "exit", "return", "break", "alias", "time"};

static bool is_builtin(struct str word)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		if (str_eq(word, str_from(builtins[i])))
			return true;
	return false;
}

/* Walks over one character of a shell line; true when it is plain: not quoted, not escaped, not a
 * quote itself. */
static bool next_plain(const char **p, char *quote)
{
	char c = *(*p)++;

	if (c == '\\' && *quote != '\'' && **p) {
		(*p)++;
		return false;
	}
	if (*quote) {
		*quote = c == *quote ? 0 : *quote;
		return false;
	}
	if (c != '\'' && c != '"')
		return true;
	*quote = c;
	return false;
}

/* The end of the word at p. */
static const char *word_end(const char *p)
{
	char quote = 0;

	while (*p) {
		const char *at = p;
		if (next_plain(&p, &quote) && isspace((unsigned char)*at))
			return at;
	}
	return p;
}

static const char *skip_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static bool is_assignment(struct str word)
{
	size_t i = 0;

	while (i < word.len && (isalnum((unsigned char)word.p[i]) || word.p[i] == '_'))
		i++;
	return i > 0 && i < word.len && word.p[i] == '=' && !isdigit((unsigned char)word.p[0]);
}

bool command_is_simple(const char *command)
{
	char quote = 0;

	for (const char *p = command; *p;) {
		const char *at = p;
		if (next_plain(&p, &quote) && strchr(";|&<>()`\n", *at))
			return false;
	}
	return quote == 0;
}

/* Where the program's word begins: behind assignments; NULL when the shell must do it. */
static const char *program_at(const char *command)
{
	const char *p = skip_space(command);

	if (!command_is_simple(command))
		return NULL;
	for (;;) {
		const char *end = word_end(p);
		struct str word = {p, (size_t)(end - p)};
		if (word.len == 0)
			return NULL;
		if (!is_assignment(word))
			return is_builtin(word) ? NULL : p;
		p = skip_space(end);
	}
}

char *command_for_exec(const char *command)
{
	const char *at = program_at(command);

	if (!at)
		return xstrdup(command);
	return xasprintf("%.*sexec %s", (int)(at - command), command, at);
}

char *command_program(const char *command)
{
	const char *p = skip_space(command);

	if (has_prefix(p, "exec "))
		command = skip_space(p + 5);
	p = program_at(command);
	if (!p)
		return NULL;
	struct str word = {p, (size_t)(word_end(p) - p)};
	if (word.len >= 2 && (word.p[0] == '\'' || word.p[0] == '"') &&
		word.p[word.len - 1] == word.p[0])
		word = (struct str){word.p + 1, word.len - 2};
	for (size_t i = 0; i < word.len; i++)
		if (strchr("$*?[]{}~\\'\"", word.p[i]))
			return NULL;
	return str_dup(word);
}
