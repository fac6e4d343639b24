/* SPDX-License-Identifier: Apache-2.0
 *
 * The Procfile parser: a line at a time, no state between lines but the names seen.
 */
#include "lib/data/procfile.h"

#include <errno.h>

#include "lib/base/ident.h"
#include "lib/base/str.h"

struct reader {
	const char *file;
	unsigned line;
	struct procfile *p;
	struct err *err;
};

/* Cuts " # comment" where the '#' is outside quotes and behind white space. */
static struct str without_comment(struct str s)
{
	char quote = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		if (c == '\\' && quote != '\'') {
			i++;
		} else if (quote) {
			if (c == quote)
				quote = 0;
		} else if (c == '\'' || c == '"') {
			quote = c;
		} else if (c == '#' && i > 0 && (s.p[i - 1] == ' ' || s.p[i - 1] == '\t')) {
			return (struct str){s.p, i};
		}
	}
	return s;
}

static int add_entry(struct reader *r, struct str name, struct str command)
{
	_cleanup_free_ char *text = str_dup(name);
	struct err why;

	if (ident_check_process(text, &why) < 0)
		return err_set(r->err, EINVAL, "%s:%u: %s", r->file, r->line, why.msg);
	for (size_t i = 0; i < r->p->count; i++)
		if (streq(r->p->entries[i].name, text))
			return err_set(r->err, EINVAL,
				"%s:%u: %s is given twice (first in line %u)", r->file, r->line,
				text, r->p->entries[i].line);
	if (r->p->count == PROCFILE_ENTRIES_MAX)
		return err_set(r->err, E2BIG, "%s:%u: more than %d processes", r->file, r->line,
			PROCFILE_ENTRIES_MAX);
	if (command.len == 0)
		return err_set(r->err, EINVAL, "%s:%u: %s has no command", r->file, r->line, text);
	r->p->entries[r->p->count++] =
		(struct procfile_entry){take_ptr(text), str_dup(command), r->line};
	return 0;
}

static int read_line(struct reader *r, struct str line)
{
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	line = str_trim(line);
	if (line.len == 0 || line.p[0] == '#' || str_starts(line, STR("//")))
		return 0;
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t')
			return err_set(
				r->err, EINVAL, "%s:%u: a control character", r->file, r->line);
	const char *colon = memchr(line.p, ':', line.len);
	if (!colon)
		return err_set(r->err, EINVAL,
			"%s:%u: a line must read \"name: command\", such as \"web: gunicorn app:app\"",
			r->file, r->line);
	size_t n = (size_t)(colon - line.p);
	struct str name = str_trim((struct str){line.p, n});
	struct str command = {colon + 1, line.len - n - 1};
	return add_entry(r, name, str_trim(without_comment(command)));
}

int procfile_parse(
	const char *file, const char *text, size_t len, struct procfile **ret, struct err *err)
{
	_cleanup_(procfile_freep) struct procfile *p = xnew(struct procfile);
	struct reader r = {file, 0, p, err};
	struct str rest = {text, len}, line;

	if (len > PROCFILE_BYTES_MAX)
		return err_set(err, EFBIG, "%s is larger than the limit of 64 KB", file);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		rest = (struct str){text + 3, len - 3}; /* the byte order mark of some editors */
	p->entries = xcalloc(PROCFILE_ENTRIES_MAX, sizeof *p->entries);
	while (str_split(&rest, '\n', &line)) {
		r.line++;
		int e = read_line(&r, line);
		if (e < 0)
			return e;
	}
	*ret = take_ptr(p);
	return 0;
}

void procfile_free(struct procfile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		free(p->entries[i].name);
		free(p->entries[i].command);
	}
	free(p->entries);
	free(p);
}

const char *procfile_command(const struct procfile *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (streq(p->entries[i].name, name))
			return p->entries[i].command;
	return NULL;
}
