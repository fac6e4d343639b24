/* SPDX-License-Identifier: Apache-2.0
 *
 * Words for the person, JSON for the program.
 */
#include "cli/output.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "cli/text.h"

static bool locale_is_unicode(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *v = getenv(names[i]);
		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

static bool is_set(const char *name)
{
	const char *v = getenv(name);
	return v && *v;
}

void output_init(struct output *o, const struct output_flags *f)
{
	const char *term = getenv("TERM");
	bool is_dumb = term && streq(term, "dumb");
	bool color = !f->no_color && !is_set("NO_COLOR") && !is_dumb;

	*o = (struct output){.is_json = f->json,
		.is_quiet = f->quiet,
		.is_verbose = f->verbose,
		.in_is_terminal = isatty(STDIN_FILENO),
		.out_is_terminal = isatty(STDOUT_FILENO),
		.err_is_terminal = isatty(STDERR_FILENO) && !is_dumb,
		.is_unicode = locale_is_unicode()};
	o->out_color = color && o->out_is_terminal;
	o->err_color = color && o->err_is_terminal;
}

unsigned output_width(int fd)
{
	struct winsize w;
	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col ? w.ws_col : 80;
}

const char *output_code_name(int exit_code)
{
	static const struct {
		int exit;
		const char *name;
	} names[] = {
		{CLI_USAGE, "invalid_input"},
		{CLI_BUG, "internal"},
		{CLI_NOT_ALLOWED, "not_allowed"},
		{CLI_NOT_FOUND, "not_found"},
		{CLI_UNREACHABLE, "unreachable"},
		{CLI_CONFLICT, "conflict"},
		{CLI_BUILD_FAILED, "build_failed"},
		{CLI_RELEASE_FAILED, "release_failed"},
		{CLI_UNHEALTHY, "unhealthy"},
		{CLI_TIMEOUT, "timeout"},
		{CLI_INTERRUPTED, "interrupted"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].exit == exit_code)
			return names[i].name;
	return "failed";
}

static void print_json_failure(const struct failure *f)
{
	json_auto_t *j = json_pack("{s:{s:s,s:s,s:i}}", "error", "code",
		f->code[0] ? f->code : output_code_name(f->exit), "message", f->message, "exit",
		f->exit);
	if (!j) /* words that are not UTF-8 */
		j = json_pack("{s:{s:s,s:i}}", "error", "code", output_code_name(f->exit), "exit",
			f->exit);
	if (f->hint[0])
		(void)json_object_set_new(
			json_object_get(j, "error"), "hint", json_string(f->hint));
	(void)json_dumpf(j, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	(void)fputc('\n', stdout);
}

static void print_words(
	const struct output *o, const char *label, const char *color, const char *words)
{
	_cleanup_free_ char *clean = text_cleaned(words);
	(void)fprintf(stderr, "%s%s:%s %s\n", o->err_color ? color : "", label,
		o->err_color ? "\x1b[0m" : "", clean);
}

int output_failure(const struct output *o, const struct failure *f)
{
	must(f->exit > 0);
	(void)fflush(stdout);
	if (o->is_json) {
		print_json_failure(f);
		return f->exit;
	}
	print_words(o, "error", "\x1b[1;31m", f->message);
	if (f->hint[0])
		print_words(o, "hint", "\x1b[1m", f->hint);
	return f->exit;
}

int output_fail(
	const struct output *o, enum cli_exit exit_code, const char *hint, const char *fmt, ...)
{
	struct failure f = {.exit = exit_code};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(f.message, sizeof f.message, fmt, ap);
	va_end(ap);
	if (hint)
		(void)snprintf(f.hint, sizeof f.hint, "%s", hint);
	return output_failure(o, &f);
}

PRINTF_LIKE(3, 0)
static void print_line(FILE *to, bool clean, const char *fmt, va_list ap)
{
	char *words = NULL;
	must(vasprintf(&words, fmt, ap) >= 0);
	if (clean) {
		_cleanup_free_ char *safe = text_cleaned(words);
		(void)fprintf(to, "%s\n", safe);
	} else {
		(void)fprintf(to, "%s\n", words);
	}
	free(words);
}

void output_note(const struct output *o, const char *fmt, ...)
{
	va_list ap;
	if (o->is_quiet)
		return;
	va_start(ap, fmt);
	print_line(stderr, true, fmt, ap);
	va_end(ap);
}

void output_line(const struct output *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	print_line(stdout, o->out_is_terminal, fmt, ap);
	va_end(ap);
}

int output_finish(const struct output *o)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_OK;
	struct output words = *o;
	words.is_json = false; /* stdout is what failed */
	struct err err;
	(void)err_errno(&err, errno ? errno : EIO, "cannot write to stdout");
	return output_fail(&words, CLI_FAILED, NULL, "%s", err.msg);
}
