/* SPDX-License-Identifier: Apache-2.0
 *
 * A forgiving walk over TOML (https://toml.io/en/v1.0.0).
 */
#include "builders/toml.h"

#include "lib/base/buf.h"

#define NAME_MAX_BYTES 256
#define VALUE_MAX_BYTES 4096
#define DEPTH_MAX 16

struct walker {
	const char *p, *end;
	char table[NAME_MAX_BYTES], key[NAME_MAX_BYTES];
	toml_on_value on_value;
	void *data;
};

static bool at(const struct walker *w, const char *text)
{
	size_t n = strlen(text);
	return (size_t)(w->end - w->p) >= n && memcmp(w->p, text, n) == 0;
}

static void skip_line(struct walker *w)
{
	while (w->p < w->end && *w->p != '\n')
		w->p++;
}

static void skip_space(struct walker *w, bool lines)
{
	while (w->p < w->end) {
		if (*w->p == ' ' || *w->p == '\t' || (lines && (*w->p == '\n' || *w->p == '\r')))
			w->p++;
		else if (*w->p == '#')
			skip_line(w);
		else
			return;
	}
}

/* A quoted string at w->p into `out`; escapes other than \" and \\ stay as they are. */
static void read_string(struct walker *w, struct buf *out)
{
	const char *const open = at(w, "\"\"\"") ? "\"\"\""
				 : at(w, "'''")	 ? "'''"
				 : *w->p == '"'	 ? "\""
						 : "'";
	w->p += strlen(open);
	while (w->p < w->end && !at(w, open)) {
		if (open[1] == '\0' && *w->p == '\n')
			return; /* never closed: the next line is read as a line */
		if (*w->p == '\\' && open[0] == '"' && w->p + 1 < w->end &&
			(w->p[1] == '"' || w->p[1] == '\\'))
			w->p++;
		(void)!buf_append(out, w->p, 1);
		w->p++;
	}
	if (w->p < w->end)
		w->p += strlen(open);
}

static void tell(struct walker *w, struct buf *value)
{
	const char *text = buf_cstr(value);
	if (text)
		w->on_value(w->data, w->table, w->key, text);
}

/* Ends behind the value. */
static void read_value(struct walker *w, unsigned depth)
{
	_cleanup_buf_ struct buf value = BUF_INIT(VALUE_MAX_BYTES);

	if (w->p >= w->end)
		return;
	if (*w->p == '"' || *w->p == '\'') {
		read_string(w, &value);
		tell(w, &value);
	} else if (*w->p == '[' || *w->p == '{') {
		char close = *w->p == '[' ? ']' : '}';
		if (close == '}')
			tell(w, &value);
		w->p++;
		for (;;) {
			skip_space(w, true);
			if (w->p >= w->end || *w->p == close)
				break;
			const char *before = w->p;
			if (depth < DEPTH_MAX && close == ']')
				read_value(w, depth + 1);
			else if (*w->p == '"' || *w->p == '\'')
				read_string(w, &value);
			if (w->p == before)
				w->p++;
		}
		if (w->p < w->end)
			w->p++;
	} else {
		const char *from = w->p;
		while (w->p < w->end && !strchr(",]}#\r\n", *w->p))
			w->p++;
		struct str bare = str_trim((struct str){from, (size_t)(w->p - from)});
		if (buf_append(&value, bare.p, bare.len) == 0 && bare.len > 0)
			tell(w, &value);
	}
}

/* `a."b".c` up to `stop`, joined by dots. */
static void read_name(struct walker *w, char stop, char *to)
{
	_cleanup_buf_ struct buf name = BUF_INIT(NAME_MAX_BYTES - 1);

	while (w->p < w->end && *w->p != stop && *w->p != '\n') {
		if (*w->p == '"' || *w->p == '\'') {
			read_string(w, &name);
			continue;
		}
		if (*w->p != ' ' && *w->p != '\t' && *w->p != '\r')
			(void)!buf_append(&name, w->p, 1);
		w->p++;
	}
	memcpy(to, buf_len(&name) > 0 ? buf_data(&name) : "", buf_len(&name));
	to[buf_len(&name)] = '\0';
}

void toml_walk(const char *text, size_t len, toml_on_value on_value, void *data)
{
	struct walker w = {.p = text, .end = text + len, .on_value = on_value, .data = data};

	for (;;) {
		skip_space(&w, true);
		if (w.p >= w.end)
			return;
		if (*w.p == '[') {
			while (w.p < w.end && *w.p == '[')
				w.p++;
			read_name(&w, ']', w.table);
			skip_line(&w);
			on_value(data, w.table, NULL, "");
			continue;
		}
		read_name(&w, '=', w.key);
		if (w.p >= w.end || *w.p != '=')
			continue; /* not "key = value" */
		w.p++;
		skip_space(&w, false);
		read_value(&w, 0);
		skip_line(&w);
	}
}
