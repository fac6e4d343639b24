/* SPDX-License-Identifier: Apache-2.0
 *
 * Names out of requirements files (pip's "Requirements File Format", PEP 508, PEP 503).
 */
#include "builders/requirements.h"

#include <ctype.h>

#define NAME_BYTES_MAX 200

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* Lower case, runs of "-_." as one '-'; the length, 0 when `s` begins with no name. */
static size_t normalise(struct str s, char *to, size_t *ret_used)
{
	size_t n = 0, i = 0;

	for (; i < s.len && is_name_byte(s.p[i]) && n + 1 < NAME_BYTES_MAX; i++) {
		char c = s.p[i];
		if (c == '-' || c == '_' || c == '.') {
			if (n > 0 && to[n - 1] != '-')
				to[n++] = '-';
		} else {
			to[n++] = (char)tolower((unsigned char)c);
		}
	}
	while (n > 0 && to[n - 1] == '-')
		n--;
	to[n] = '\0';
	*ret_used = i;
	return n;
}

static void add_name(struct requirements *r, char *name)
{
	if (r->count == REQUIREMENTS_MAX || requirements_has(r, name)) {
		free(name);
		return;
	}
	r->names = xrealloc(r->names, r->count + 1, sizeof *r->names);
	r->names[r->count++] = name;
}

bool requirements_has(const struct requirements *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (streq(r->names[i], name))
			return true;
	return false;
}

void requirements_add(struct requirements *r, struct str requirement)
{
	char name[NAME_BYTES_MAX], extra[NAME_BYTES_MAX];
	size_t used;
	struct str s = str_trim(requirement), one;

	if (normalise(s, name, &used) == 0)
		return;
	add_name(r, xstrdup(name));
	s = str_trim((struct str){s.p + used, s.len - used});
	if (s.len == 0 || s.p[0] != '[')
		return;
	const char *close = memchr(s.p, ']', s.len);
	struct str extras = {s.p + 1, close ? (size_t)(close - s.p - 1) : 0};
	while (str_split(&extras, ',', &one))
		if (normalise(str_trim(one), extra, &used) > 0)
			add_name(r, xasprintf("%s[%s]", name, extra));
}

static bool is_local(struct str s)
{
	return s.len > 0 && (s.p[0] == '.' || s.p[0] == '/' || str_starts(s, STR("file:")));
}

/* "https://...", "git+ssh://...": a scheme stands before the first "://". httpx is none. */
static bool is_url(struct str s)
{
	size_t i = 0;

	while (i < s.len && (isalnum((unsigned char)s.p[i]) || s.p[i] == '+'))
		i++;
	return i > 0 && str_starts((struct str){s.p + i, s.len - i}, STR("://"));
}

/* "--option value", "--option=value", "-r file", "-rfile"; false when it is none of `names`. */
static bool option_value(struct str line, const char *const *names, struct str *ret)
{
	for (size_t i = 0; names[i]; i++) {
		struct str name = str_from(names[i]);
		if (!str_starts(line, name))
			continue;
		struct str value = {line.p + name.len, line.len - name.len};
		bool is_short = name.len == 2;
		if (value.len > 0 && value.p[0] == '=')
			value = (struct str){value.p + 1, value.len - 1};
		else if (!is_short && value.len > 0 && value.p[0] != ' ' && value.p[0] != '\t')
			continue;
		*ret = str_trim(value);
		return true;
	}
	return false;
}

/* "git+https://host/name.git#egg=name" names its package in the fragment. */
static void add_url(struct requirements *r, struct str url)
{
	const char *egg = memmem(url.p, url.len, "#egg=", 5);

	if (is_local(url))
		r->local = true;
	if (egg)
		requirements_add(r, (struct str){egg + 5, (size_t)(url.p + url.len - egg - 5)});
}

static void read_line(
	struct requirements *r, struct str line, requirements_on_include on_include, void *data)
{
	static const char *const includes[] = {"-r", "--requirement", NULL};
	static const char *const constraints[] = {"-c", "--constraint", NULL};
	static const char *const editables[] = {"-e", "--editable", NULL};
	struct str value;

	line = str_trim(line);
	if (line.len == 0)
		return;
	bool include = option_value(line, includes, &value);
	if (include || option_value(line, constraints, &value)) {
		_cleanup_free_ char *path = str_dup(value);
		if (on_include)
			on_include(data, path, !include);
	} else if (option_value(line, editables, &value)) {
		add_url(r, value);
	} else if (line.p[0] == '-') {
		return; /* --index-url and the like */
	} else if (is_local(line) || is_url(line)) {
		add_url(r, line);
	} else {
		requirements_add(r, line);
		r->local = r->local || memmem(line.p, line.len, "@ file:", 7);
	}
}

/* '#' at the start of a line or behind white space begins a comment. */
static struct str without_comment(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.p[i] == '#' && (i == 0 || isspace((unsigned char)line.p[i - 1])))
			return (struct str){line.p, i};
	return line;
}

void requirements_parse(struct requirements *r, const char *text, size_t len,
	requirements_on_include on_include, void *data)
{
	struct str rest = {text, len}, line;
	bool continues = false; /* hashes of the requirement before, no names of their own */

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		rest = (struct str){text + 3, len - 3};
	while (str_split(&rest, '\n', &line)) {
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		line = str_trim(without_comment(line));
		bool goes_on = line.len > 0 && line.p[line.len - 1] == '\\';
		if (goes_on)
			line.len--;
		if (!continues)
			read_line(r, line, on_include, data);
		continues = goes_on;
	}
}

void requirements_free(struct requirements *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->names[i]);
	free(r->names);
	*r = (struct requirements){0};
}
