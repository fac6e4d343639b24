/* SPDX-License-Identifier: Apache-2.0
 *
 * Flags by a table. It ends the process itself: it is called first thing in main().
 */
#include "builders/options.h"

#include "lib/base/str.h"

#define FLAGS_MAX 32

#ifndef BERTH_VERSION
#define BERTH_VERSION "unknown"
#endif

struct command_line {
	const char *program;
	const char *about;
	const struct option_flag *flags;
	size_t n;
};

static void print_help(const struct command_line *c)
{
	printf("%s: %s\n\n", c->program, c->about);
	for (size_t i = 0; i < c->n; i++) {
		char name[64];
		const char letter[] = {'-', c->flags[i].letter, ',', ' ', '\0'};
		(void)snprintf(name, sizeof name, "%s--%s%s", c->flags[i].letter ? letter : "",
			c->flags[i].name, c->flags[i].text ? " VALUE" : "");
		printf("  %-24s %s%s\n", name, c->flags[i].help,
			c->flags[i].required ? " (required)" : "");
	}
	printf("  %-24s this text\n  %-24s the version\n", "--help", "--version");
}

_Noreturn static void usage_error(const struct command_line *c, const char *words, const char *what)
{
	const char *names[FLAGS_MAX];

	must(c->n + 2 <= FLAGS_MAX);
	for (size_t i = 0; i < c->n; i++)
		names[i] = c->flags[i].name;
	names[c->n] = "help";
	names[c->n + 1] = "version";
	const char *near = has_prefix(what, "--") ? str_nearest(what + 2, names, c->n + 2) : NULL;
	(void)fprintf(stderr, "%s: %s %s", c->program, words, what);
	if (near && !streq(near, what + 2))
		(void)fprintf(stderr, "; did you mean --%s?", near);
	(void)fprintf(stderr, "\n");
	exit(2); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static const struct option_flag *find_flag(const struct command_line *c, struct str name)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(name, str_from(c->flags[i].name)))
			return &c->flags[i];
	return NULL;
}

static bool take_letter(const struct command_line *c, const char *arg)
{
	if (arg[0] != '-' || arg[1] == '\0' || arg[2] != '\0')
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (c->flags[i].flag && c->flags[i].letter == arg[1]) {
			*c->flags[i].flag = true;
			return true;
		}
	return false;
}

/* Takes argv[i], and the value behind it; returns the index of the next argument. */
static int take_argument(const struct command_line *c, int argc, char **argv, int i)
{
	const char *arg = argv[i];

	if (streq(arg, "--help") || streq(arg, "-h")) {
		print_help(c);
		exit(0); /* NOLINT(concurrency-mt-unsafe): one thread */
	}
	if (streq(arg, "--version")) {
		printf("%s %s\n", c->program, BERTH_VERSION);
		exit(0); /* NOLINT(concurrency-mt-unsafe): one thread */
	}
	if (take_letter(c, arg))
		return i + 1;
	if (!has_prefix(arg, "--"))
		usage_error(c, "does not take the argument", arg);
	const char *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2;
	const struct option_flag *f = find_flag(c, (struct str){arg + 2, len});
	if (!f)
		usage_error(c, "does not know", arg);
	if (f->flag) {
		if (equals)
			usage_error(c, "takes no value for", arg);
		*f->flag = true;
		return i + 1;
	}
	if (equals) {
		*f->text = equals + 1;
		return i + 1;
	}
	if (i + 1 >= argc)
		usage_error(c, "needs a value behind", arg);
	*f->text = argv[i + 1];
	return i + 2;
}

void options_parse(
	int argc, char **argv, const char *about, const struct option_flag *flags, size_t n)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const struct command_line c = {slash	  ? slash + 1
				       : argc > 0 ? argv[0]
						  : "berth",
		about, flags, n};

	for (int i = 1; i < argc;)
		i = take_argument(&c, argc, argv, i);
	for (size_t i = 0; i < n; i++)
		if (flags[i].required && flags[i].text && !*flags[i].text) {
			_cleanup_free_ char *name = xasprintf("--%s", flags[i].name);
			usage_error(&c, "needs", name);
		}
}
