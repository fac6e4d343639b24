/* SPDX-License-Identifier: Apache-2.0
 *
 * berth(1) names every command, subcommand and flag of the table, and no other.
 */
#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/sys/file.h"

static char *page;

static int read_page(void **state)
{
	struct err err = {0};
	size_t len;
	(void)state;
	return file_read(BERTH_SOURCE_DIR "/packaging/man/berth.1", 1u << 20, &page, &len, &err);
}

static int free_page(void **state)
{
	(void)state;
	free(page);
	return 0;
}

/* True when `words` stand in the page and a word ends behind them. */
static bool has_words(const char *words)
{
	for (const char *p = page; (p = strstr(p, words)) != NULL; p++)
		if (strchr(" \n,", p[strlen(words)]))
			return true;
	return false;
}

static void check_options(const struct command *c)
{
	for (size_t i = 0; i < c->option_count; i++) {
		const struct option *o = &c->options[i];
		_cleanup_free_ char *with_letter = xasprintf("Fl %c , -%s", o->letter, o->name);
		_cleanup_free_ char *alone = xasprintf("Fl -%s", o->name);
		_cleanup_free_ char *second = xasprintf(", -%s", o->name);
		if (!has_words(o->letter ? with_letter : alone) && !has_words(second))
			fail_msg("berth.1 lacks --%s of %s", o->name, c->name);
	}
}

static void check_command(const struct command *c, const char *parent)
{
	_cleanup_free_ char *name = xasprintf("%s%s%s", parent, *parent ? " " : "", c->name);
	_cleanup_free_ char *item = xasprintf(".It Ic %s", name);
	_cleanup_free_ char *as_default = xasprintf(".It Ic %s Op Ic %s", parent, c->name);
	if (c->command_count == 0 && !has_words(item) && !has_words(as_default))
		fail_msg("berth.1 lacks the command %s", name);
	check_options(c);
	for (size_t i = 0; i < c->command_count; i++)
		check_command(c->commands[i], name);
}

static void test_everything_is_described(void **state)
{
	(void)state;
	check_options(&berth_command);
	for (size_t i = 0; i < berth_command.command_count; i++)
		check_command(berth_command.commands[i], "");
}

static void test_nothing_else_is_described(void **state)
{
	(void)state;
	static const char mark[] = "\n.It Ic ";
	for (const char *p = page; (p = strstr(p, mark)) != NULL; p++) {
		struct str rest = {p + strlen(mark), strcspn(p + strlen(mark), "\n")}, word = {0};
		(void)str_split(&rest, ' ', &word);
		_cleanup_free_ char *verb = str_dup(word);
		if (!command_find(&berth_command, verb))
			fail_msg("berth.1 describes %s, which does not exist", verb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_described),
		cmocka_unit_test(test_nothing_else_is_described),
	};
	return cmocka_run_group_tests(tests, read_page, free_page);
}
