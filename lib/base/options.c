/* SPDX-License-Identifier: Apache-2.0
 *
 * Options by a table.
 */
#include "lib/base/options.h"

#include "lib/base/parse.h"

enum { DONE = 0, USAGE = 2, GO_ON = -1 };

static const char *value_name(const struct option_entry *e)
{
	if (e->flag)
		return NULL;
	return e->value ? e->value : e->size ? "SIZE" : e->number ? "N" : "TEXT";
}

static void print_help(const struct options *o)
{
	printf("usage: %s [OPTION...]%s%s\n\n%s\n\n", o->program, o->operands ? " " : "",
		o->operands ? o->operands : "", o->about);
	for (size_t i = 0; i < o->count; i++) {
		const struct option_entry *e = &o->entries[i];
		const char letter[] = {'-', e->letter, ',', ' ', '\0'};
		const char *value = value_name(e);
		char name[64];
		(void)snprintf(name, sizeof name, "%s--%s%s%s", e->letter ? letter : "", e->name,
			value ? " " : "", value ? value : "");
		printf("  %-26s %s%s\n", name, e->help, e->required ? " (required)" : "");
	}
	printf("  %-26s this text\n  %-26s the version\n", "--help", "--version");
}

static int usage_error(const struct options *o, const char *what, const char *words)
{
	const char *names[OPTIONS_MAX + 2];

	for (size_t i = 0; i < o->count; i++)
		names[i] = o->entries[i].name;
	names[o->count] = "help";
	names[o->count + 1] = "version";
	const char *near =
		has_prefix(what, "--") ? str_nearest(what + 2, names, o->count + 2) : NULL;
	(void)fprintf(stderr, "%s: %s %s", o->program, what, words);
	if (near && !streq(near, what + 2))
		(void)fprintf(stderr, "; did you mean --%s?\n", near);
	else
		(void)fprintf(stderr, "; see %s --help\n", o->program);
	return USAGE;
}

static int take_value(const struct options *o, const struct option_entry *e, const char *value)
{
	_cleanup_free_ char *what = NULL;

	if (e->text) {
		*e->text = value;
		return GO_ON;
	}
	if (e->size ? parse_size(value, e->size) == 0
		    : parse_u64(str_from(value), e->min, e->max, e->number) == 0)
		return GO_ON;
	what = xasprintf("--%s: '%s'", e->name, value);
	if (e->size)
		return usage_error(o, what, "is not a size such as 512M");
	_cleanup_free_ char *words = xasprintf("is not a number from %llu to %llu",
		(unsigned long long)e->min, (unsigned long long)e->max);
	return usage_error(o, what, words);
}

static const struct option_entry *find(const struct options *o, struct str name)
{
	for (size_t i = 0; i < o->count; i++)
		if (str_eq(name, str_from(o->entries[i].name)))
			return &o->entries[i];
	return NULL;
}

static const struct option_entry *find_letter(const struct options *o, const char *arg)
{
	for (size_t i = 0; i < o->count && arg[1] != '\0' && arg[2] == '\0'; i++)
		if (o->entries[i].flag && o->entries[i].letter == arg[1])
			return &o->entries[i];
	return NULL;
}

/* Takes argv[*i], and the value behind it; *i goes on. */
static int take(const struct options *o, int argc, char **argv, int *i)
{
	const char *arg = argv[(*i)++];
	const char *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
	const struct option_entry *e = has_prefix(arg, "--")
					       ? find(o, (struct str){arg + 2, len - 2})
					       : find_letter(o, arg);

	if (streq(arg, "--help") || streq(arg, "-h")) {
		print_help(o);
		return DONE;
	}
	if (streq(arg, "--version")) {
		printf("%s %s\n", o->program, o->version);
		return DONE;
	}
	if (!e)
		return usage_error(o, arg, "is not an option");
	if (e->flag) {
		*e->flag = true;
		return equals ? usage_error(o, arg, "takes no value") : GO_ON;
	}
	if (equals)
		return take_value(o, e, equals + 1);
	return *i < argc ? take_value(o, e, argv[(*i)++]) : usage_error(o, arg, "needs a value");
}

int options_parse(const struct options *o, int argc, char **argv, int *ret_operand)
{
	int i = 1, status = GO_ON;

	must(o->count <= OPTIONS_MAX);
	while (i < argc && argv[i][0] == '-' && !streq(argv[i], "--")) {
		status = take(o, argc, argv, &i);
		if (status != GO_ON)
			return status;
	}
	if (i < argc && !o->operands)
		return usage_error(o, argv[i], "is one argument too many");
	for (size_t n = 0; n < o->count; n++) {
		if (o->entries[n].required && !*o->entries[n].text) {
			_cleanup_free_ char *name = xasprintf("--%s", o->entries[n].name);
			return usage_error(o, name, "is missing");
		}
	}
	if (ret_operand)
		*ret_operand = i < argc && streq(argv[i], "--") ? i + 1 : i;
	return GO_ON;
}
