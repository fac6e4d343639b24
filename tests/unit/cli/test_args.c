/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines against the real command table.
 */
#include "cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "lib/base/str.h"

#define WORDS_MAX 10

struct row {
	const char *words[WORDS_MAX];
	const char *command; /* its full name */
	const char *operands; /* joined by '|' */
	const char *app, *lines;
	const char *error; /* a part of the words; NULL: it parses */
};

static const struct row rows[] = {
	{{"ps"}, "berth ps", "", NULL, NULL, NULL},
	{{"logs", "-n", "5", "-f"}, "berth logs", "", NULL, "5", NULL},
	{{"logs", "-fn5"}, "berth logs", "", NULL, "5", NULL},
	{{"logs", "-fn=5"}, "berth logs", "", NULL, "=5", NULL},
	{{"-a", "shop", "logs", "--lines=7"}, "berth logs", "", "shop", "7", NULL},
	{{"logs", "--lines", "7", "--app=shop", "--app", "x"}, "berth logs", "", "x", "7", NULL},
	{{"logs", "--lines="}, "berth logs", "", NULL, "", NULL},
	{{"rollback", "v3", "-a", "shop"}, "berth rollback", "v3", "shop", NULL, NULL},
	{{"env", "set", "A=1", "--no-deploy", "B=2"}, "berth env set", "A=1|B=2", NULL, NULL, NULL},
	{{"env", "--json", "set", "A=1"}, "berth env set", "A=1", NULL, NULL, NULL},
	{{"env", "set", "--", "--json", "-x"}, "berth env set", "--json|-x", NULL, NULL, NULL},
	{{"env"}, "berth env", "", NULL, NULL, NULL},
	{{"apps", "destroy", "-y", "-"}, "berth apps destroy", "-", NULL, NULL, NULL},
	{{"domains", "add", "--help"}, "berth domains add", "", NULL, NULL, NULL},
	{{NULL}, "berth", "", NULL, NULL, NULL},
	{{"--version"}, "berth", "", NULL, NULL, NULL},
	{{"rolback"}, "berth", "", NULL, NULL, "did you mean \"rollback\"?"},
	{{"up"}, "berth", "", NULL, NULL, "did you mean \"deploy\"?"},
	{{"apps", "rm"}, "berth apps", "", NULL, NULL, "did you mean \"destroy\"?"},
	{{"zzzzzz"}, "berth", "", NULL, NULL, "berth has no command \"zzzzzz\""},
	{{"env", "st"}, "berth env", "", NULL, NULL, "did you mean \"set\"?"},
	{{"logs", "--line", "3"}, "berth logs", "", NULL, NULL, "did you mean --lines?"},
	{{"logs", "--pager"}, "berth logs", "", NULL, NULL, "berth logs has no flag --pager"},
	{{"logs", "-x"}, "berth logs", "", NULL, NULL, "berth logs has no flag -x"},
	{{"logs", "-n"}, "berth logs", "", NULL, NULL, "-n needs a value: -n N"},
	{{"logs", "--lines"}, "berth logs", "", NULL, NULL, "--lines needs a value: --lines N"},
	{{"logs", "--follow=yes"}, "berth logs", "", NULL, NULL, "--follow takes no value"},
	{{"rollback", "1", "2"}, "berth rollback", "1|2", NULL, NULL, "takes no operand \"2\""},
	{{"domains", "add"}, "berth domains add", "", NULL, NULL, "needs DOMAIN..."},
	{{"ps", "--no-wait"}, "berth ps", "", NULL, NULL, "berth ps has no flag --no-wait"},
};

static int count_words(const struct row *r, const char **argv)
{
	int n = 0;
	argv[n++] = "berth";
	while (n <= WORDS_MAX && r->words[n - 1]) {
		argv[n] = r->words[n - 1];
		n++;
	}
	return n;
}

static void check_parsed(const struct row *r, const struct args *a)
{
	char joined[200] = "";
	size_t at = 0;
	for (size_t i = 0; i < a->operand_count; i++)
		at += (size_t)snprintf(
			joined + at, sizeof joined - at, "%s%s", i ? "|" : "", a->operands[i]);
	assert_string_equal(joined, r->operands);
	const char *app = args_value(a, "app");
	assert_true(streq(app, r->app));
	if (streq(r->command, "berth logs"))
		assert_true(streq(args_value(a, "lines"), r->lines));
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		const char *argv[WORDS_MAX + 1];
		struct args a;
		struct err err = {0};
		char name[64];
		int n = count_words(r, argv);
		int k = args_parse(&a, &berth_command, n, (char *const *)(uintptr_t)argv, &err);
		args_command_name(&a, name, sizeof name);
		if (!streq(name, r->command) || (k < 0) != !!r->error)
			fail_msg("row %zu: %s, %s", i, name, err.msg);
		if (r->error && !strstr(err.msg, r->error))
			fail_msg("row %zu: \"%s\" lacks \"%s\"", i, err.msg, r->error);
		if (!r->error)
			check_parsed(r, &a);
		args_free(&a);
	}
}

/* Two flags of one name or letter in force at once would make one of them unreachable. */
static void check_unique(const struct command *a, const struct command *b)
{
	for (size_t i = 0; i < a->option_count; i++)
		for (size_t j = 0; j < b->option_count; j++) {
			const struct option *o = &a->options[i], *p = &b->options[j];
			if (o != p &&
				(streq(o->name, p->name) || (o->letter && o->letter == p->letter)))
				fail_msg("%s: --%s and --%s collide", a->name, o->name, p->name);
		}
}

static void check_command(const struct command *c)
{
	assert_true(c->summary && *c->summary);
	assert_true(c->command_count ? !c->run : !!c->run);
	assert_true(c->operands_max == 0 || c->operands);
	check_unique(c, c);
	check_unique(c, &berth_command);
	for (size_t i = 0; i < c->command_count; i++)
		check_command(c->commands[i]);
}

static void test_the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < berth_command.command_count; i++)
		check_command(berth_command.commands[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_the_table_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
