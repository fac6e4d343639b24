/* SPDX-License-Identifier: Apache-2.0
 *
 * Environment files. Values may be secrets: no error shows one.
 */
#include "lib/data/envfile.h"

#include <errno.h>

#include "lib/base/buf.h"
#include "lib/base/ident.h"
#include "lib/base/str.h"
#include "lib/data/json.h"

struct envfile *envfile_new(void)
{
	return xnew(struct envfile);
}

static void drop_value(char *value)
{
	explicit_bzero(value, strlen(value));
	free(value);
}

void envfile_free(struct envfile *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->count; i++) {
		free(e->pairs[i].name);
		drop_value(e->pairs[i].value);
	}
	free(e->pairs);
	free(e);
}

static struct envfile_pair *find_pair(const struct envfile *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++)
		if (streq(e->pairs[i].name, name))
			return &e->pairs[i];
	return NULL;
}

const char *envfile_get(const struct envfile *e, const char *name)
{
	const struct envfile_pair *pair = find_pair(e, name);
	return pair ? pair->value : NULL;
}

int envfile_set(struct envfile *e, const char *name, const char *value, struct err *err)
{
	int r = ident_check_env(name, err);
	if (r < 0)
		return r;
	if (strlen(value) > ENVFILE_VALUE_MAX)
		return err_set(
			err, E2BIG, "the value of %s is longer than the limit of 100 KB", name);
	json_t *utf8 = json_string(value);
	if (!utf8)
		return err_set(err, EILSEQ, "the value of %s is not valid UTF-8", name);
	json_decref(utf8);
	struct envfile_pair *pair = find_pair(e, name);
	if (pair) {
		drop_value(pair->value);
		pair->value = xstrdup(value);
		return 0;
	}
	if (e->count == ENVFILE_COUNT_MAX)
		return err_set(err, E2BIG, "more than %d variables", ENVFILE_COUNT_MAX);
	if (e->count == e->capacity) {
		e->capacity = e->capacity ? e->capacity * 2 : 16;
		e->pairs = xrealloc(e->pairs, e->capacity, sizeof *e->pairs);
	}
	e->pairs[e->count++] = (struct envfile_pair){xstrdup(name), xstrdup(value)};
	return 0;
}

bool envfile_unset(struct envfile *e, const char *name)
{
	struct envfile_pair *pair = find_pair(e, name);

	if (!pair)
		return false;
	free(pair->name);
	drop_value(pair->value);
	e->count--;
	memmove(pair, pair + 1, (size_t)(e->pairs + e->count - pair) * sizeof *pair);
	return true;
}

struct reader {
	const char *file;
	unsigned line;
	struct str rest;
	struct envfile *e;
	struct err *err;
};

static int error_at(struct reader *r, const char *words)
{
	return err_set(r->err, EINVAL, "%s:%u: %s", r->file, r->line, words);
}

static int add(struct reader *r, struct str name, const char *value)
{
	_cleanup_free_ char *text = str_dup(name);
	struct err why;

	if (envfile_set(r->e, text, value, &why) < 0)
		return err_set(r->err, why.code, "%s:%u: %s", r->file, r->line, why.msg);
	return 0;
}

/* "NAME=" off the front of a line. */
static int split_name(
	struct reader *r, struct str line, struct str *ret_name, struct str *ret_value)
{
	const char *equals = memchr(line.p, '=', line.len);

	if (!equals)
		return error_at(r, "a line must read NAME=VALUE");
	size_t n = (size_t)(equals - line.p);
	*ret_name = (struct str){line.p, n};
	*ret_value = (struct str){equals + 1, line.len - n - 1};
	return 0;
}

static int read_own_line(struct reader *r, struct str line)
{
	struct str name, value;

	if (line.len == 0 || line.p[0] == '#')
		return 0;
	int e = split_name(r, line, &name, &value);
	if (e < 0)
		return e;
	if (value.len > 0 && value.p[0] == '"') {
		_cleanup_(json_decrefp) json_t *text =
			json_loadb(value.p, value.len, JSON_DECODE_ANY, NULL);
		if (!json_is_string(text))
			return error_at(r, "the quoted value is not a JSON string");
		return add(r, name, json_string_value(text));
	}
	_cleanup_free_ char *plain = str_dup(value);
	return add(r, name, plain);
}

/* The text inside the quotes that `value` begins with; may run over several lines of r->rest. */
static int read_quoted(struct reader *r, struct str value, struct buf *out)
{
	char quote = value.p[0];
	/* Lines are views into one text: a quoted value goes on where its line ended. */
	const char *p = value.p + 1, *end = r->rest.p + r->rest.len;

	for (; p < end && *p != quote; p++) {
		char c = *p;
		if (c == '\\' && quote == '"' && p + 1 < end) {
			static const char from[] = "nrt\"\\$", to[] = "\n\r\t\"\\$";
			const char *known = p[1] ? strchr(from, p[1]) : NULL;
			if (known) {
				c = to[known - from];
				p++;
			}
		}
		if (buf_append(out, &c, 1) < 0)
			return error_at(r, "the value is longer than the limit of 100 KB");
	}
	if (p >= end)
		return error_at(r, "the quote is never closed");
	const char *eol = memchr(p, '\n', (size_t)(end - p));
	struct str behind = str_trim((struct str){p + 1, (size_t)((eol ? eol : end) - p - 1)});
	if (behind.len > 0 && behind.p[behind.len - 1] == '\r')
		behind = str_trim((struct str){behind.p, behind.len - 1});
	if (behind.len > 0 && behind.p[0] != '#')
		return error_at(r, "text behind the closing quote");
	for (const char *q = value.p; q < p; q++)
		r->line += *q == '\n';
	r->rest = eol ? (struct str){eol + 1, (size_t)(end - eol - 1)} : (struct str){end, 0};
	return 0;
}

static struct str bare_value(struct str value)
{
	value = str_trim(value);
	if (value.len > 0 && value.p[0] == '#')
		return (struct str){value.p, 0};
	for (size_t i = 1; i < value.len; i++)
		if (value.p[i] == '#' && (value.p[i - 1] == ' ' || value.p[i - 1] == '\t'))
			return str_trim((struct str){value.p, i});
	return value;
}

static int read_dotenv_line(struct reader *r, struct str line)
{
	struct str name, value;

	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	line = str_trim(line);
	if (line.len == 0 || line.p[0] == '#')
		return 0;
	if (str_starts(line, STR("export ")) || str_starts(line, STR("export\t")))
		line = str_trim((struct str){line.p + 7, line.len - 7});
	int e = split_name(r, line, &name, &value);
	if (e < 0)
		return e;
	name = str_trim(name);
	value = str_trim(value);
	if (value.len > 0 && (value.p[0] == '"' || value.p[0] == '\'')) {
		_cleanup_buf_ struct buf out = BUF_INIT(ENVFILE_VALUE_MAX + 1);
		e = read_quoted(r, value, &out);
		const char *text = e == 0 ? buf_cstr(&out) : NULL;
		return e < 0  ? e
		       : text ? add(r, name, text)
			      : error_at(r, "the value is longer than the limit of 100 KB");
	}
	_cleanup_free_ char *plain = str_dup(bare_value(value));
	return add(r, name, plain);
}

static int read_lines(struct reader *r, struct str text, int (*read)(struct reader *, struct str))
{
	if (text.len > ENVFILE_BYTES_MAX)
		return err_set(r->err, EFBIG, "%s is larger than the limit of 1 MB", r->file);
	if (memchr(text.p, '\0', text.len))
		return err_set(r->err, EINVAL, "%s has a NUL byte", r->file);
	r->rest = text;
	while (r->rest.len > 0) {
		const char *eol = memchr(r->rest.p, '\n', r->rest.len);
		struct str line = {r->rest.p, eol ? (size_t)(eol - r->rest.p) : r->rest.len};
		struct str all = r->rest;
		r->line++;
		int e = read(r, line);
		if (e < 0)
			return e;
		if (r->rest.p == all.p) /* a quoted value moves on by itself */
			r->rest = eol ? (struct str){eol + 1, all.len - line.len - 1}
				      : (struct str){all.p + all.len, 0};
	}
	return 0;
}

int envfile_parse(
	const char *file, const char *text, size_t len, struct envfile **ret, struct err *err)
{
	_cleanup_(envfile_freep) struct envfile *e = envfile_new();
	struct reader r = {.file = file, .e = e, .err = err};

	int n = read_lines(&r, (struct str){text, len}, read_own_line);
	if (n < 0)
		return n;
	*ret = take_ptr(e);
	return 0;
}

int dotenv_parse(
	const char *file, const char *text, size_t len, struct envfile **ret, struct err *err)
{
	_cleanup_(envfile_freep) struct envfile *e = envfile_new();
	struct reader r = {.file = file, .e = e, .err = err};

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	int n = read_lines(&r, (struct str){text, len}, read_dotenv_line);
	if (n < 0)
		return n;
	*ret = take_ptr(e);
	return 0;
}

/* Plain where it can stand for itself to the end of its line. */
static bool is_plain(const char *value)
{
	for (const char *p = value; *p; p++)
		if (*p == '"' || (unsigned char)*p < 0x20)
			return false;
	return true;
}

char *envfile_format(const struct envfile *e)
{
	char *text = xstrdup("");
	size_t len = 0;

	for (size_t i = 0; i < e->count; i++) {
		const char *value = e->pairs[i].value;
		_cleanup_(json_decrefp) json_t *quoted =
			is_plain(value) ? NULL : json_string(value);
		_cleanup_free_ char *json = quoted ? json_line(quoted) : NULL;
		_cleanup_free_ char *line =
			xasprintf("%s=%s\n", e->pairs[i].name, json ? json : value);
		size_t n = strlen(line);
		text = xrealloc(text, len + n + 1, 1);
		memcpy(text + len, line, n + 1);
		len += n;
	}
	return text;
}
