/* SPDX-License-Identifier: Apache-2.0
 *
 * NDJSON events and the cleaning of what tools print.
 */
#include "builders/output.h"

#include "lib/data/json.h"
#include "lib/sys/fd.h"

/* One write an event: a reader never sees half a line for long. */
static void write_event(int fd, json_t *event)
{
	_cleanup_free_ char *text = json_line(event);
	_cleanup_free_ char *line = xasprintf("%s\n", text);

	json_decref(event);
	/* When nobody listens any more there is nobody to tell. */
	(void)fd_write_all(fd, line, strlen(line));
}

static json_t *event_of(const char *type, const char *key, const char *value)
{
	json_t *event = json_object();

	json_object_set_new(event, "type", json_string(type));
	json_t *text = json_string(value);
	json_object_set_new(event, key, text ? text : json_string("(not valid UTF-8)"));
	return event;
}

void output_reasons(int fd, const struct plan *p)
{
	for (size_t i = 0; i < p->reason_count; i++)
		write_event(fd, event_of("reason", "text", p->reasons[i]));
}

void output_step_started(int fd, const char *name)
{
	json_t *event = event_of("step", "name", name);

	json_object_set_new(event, "status", json_string("started"));
	write_event(fd, event);
}

void output_step_done(int fd, const char *name, int64_t ms)
{
	json_t *event = event_of("step", "name", name);

	json_object_set_new(event, "status", json_string("done"));
	json_object_set_new(event, "ms", json_integer(ms));
	write_event(fd, event);
}

void output_step_failed(int fd, const char *name, int64_t ms, int exit_status)
{
	json_t *event = event_of("step", "name", name);

	json_object_set_new(event, "status", json_string("failed"));
	json_object_set_new(event, "ms", json_integer(ms));
	json_object_set_new(event, "exit", json_integer(exit_status));
	write_event(fd, event);
}

void output_log(int fd, const char *line)
{
	write_event(fd, event_of("log", "line", line));
}

void output_error(int fd, const char *message)
{
	write_event(fd, event_of("error", "message", message));
}

/* Length of the valid UTF-8 sequence at p (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80			  ? 1
		   : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
		   : (p[0] & 0xf0) == 0xe0	  ? 3
		   : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
						  : 0;
	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Length of the terminal escape sequence at p, which points to ESC (ECMA-48 §5.4, OSC by BEL). */
static size_t escape_length(const char *p, size_t left)
{
	size_t i = 2;

	if (left < 2)
		return 1;
	if (p[1] == '[') {
		while (i < left && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x40)
			i++;
		return i < left ? i + 1 : i;
	}
	if (p[1] == ']') {
		while (i < left && p[i] != '\a' && p[i] != '\033')
			i++;
		return i < left && p[i] == '\a' ? i + 1 : i;
	}
	return 2;
}

/* The value of the secret that stands at p, its length; 0 for none. The longest wins. */
static size_t secret_length(const char *p, size_t left, const struct envfile *secrets)
{
	size_t longest = 0;

	for (size_t i = 0; secrets && i < secrets->count; i++) {
		struct str rest = str_from(secrets->pairs[i].value), line;
		/* Output comes in lines, so a value of several lines is masked line by line. */
		while (str_split(&rest, '\n', &line))
			if (line.len >= OUTPUT_SECRET_MIN && line.len <= left &&
				line.len > longest && memcmp(p, line.p, line.len) == 0)
				longest = line.len;
	}
	return longest;
}

static void put(struct buf *out, const char *text, size_t n)
{
	/* A full line drops its rest, whole characters at a time. */
	(void)!buf_append(out, text, n);
}

/* Behind the last carriage return, as a terminal would show it; a final one is a line end. */
static struct str after_overwrites(struct str line)
{
	while (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	const char *last = line.len > 0 ? memrchr(line.p, '\r', line.len) : NULL;
	if (!last)
		return line;
	size_t skip = (size_t)(last - line.p) + 1;
	return (struct str){line.p + skip, line.len - skip};
}

char *output_clean_line(struct str line, const struct envfile *secrets)
{
	_cleanup_buf_ struct buf out = BUF_INIT(OUTPUT_LINE_MAX);

	line = after_overwrites(line);
	for (size_t i = 0; i < line.len;) {
		const char *p = line.p + i;
		size_t left = line.len - i, n = secret_length(p, left, secrets);
		unsigned char c = (unsigned char)*p;
		if (n > 0) {
			put(&out, "***", 3);
		} else if (c == 033) {
			n = escape_length(p, left);
		} else if ((c < 0x20 && c != '\t') || c == 0x7f) {
			n = 1;
		} else {
			n = utf8_length((const unsigned char *)p, left);
			if (n > 0)
				put(&out, p, n);
			else
				put(&out, "\xef\xbf\xbd", 3);
			n = n > 0 ? n : 1;
		}
		i += n;
	}
	return str_dup((struct str){buf_data(&out), buf_len(&out)});
}

static void write_line(int fd, struct str raw, const struct envfile *secrets)
{
	_cleanup_free_ char *line = output_clean_line(raw, secrets);
	output_log(fd, line);
}

void output_tool_bytes(int fd, struct buf *pending, bool last, const struct envfile *secrets)
{
	for (;;) {
		const char *p = buf_data(pending);
		size_t len = buf_len(pending);
		const char *eol = len > 0 ? memchr(p, '\n', len) : NULL;
		/* A line that fills the buffer is written as it is; the rest is a line of its own. */
		if (!eol && !(last && len > 0) && buf_room(pending) > 0)
			return;
		if (len == 0)
			return;
		size_t n = eol ? (size_t)(eol - p) : len;
		write_line(fd, (struct str){p, n}, secrets);
		buf_consume(pending, eol ? n + 1 : n);
	}
}
