/* SPDX-License-Identifier: Apache-2.0
 *
 * The event log of a deploy: appended to a file, read back from it.
 */
#include "agent/deploy/events.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/data/json.h"
#include "lib/sys/fd.h"

#define TAIL_MAX (256u * 1024u)

struct event_log {
	unsigned refs;
	int fd; /* -1: none */
	uint64_t file_bytes;
	struct buf tail; /* what the file could not take; from then on everything goes here */
	bool on_tail;
	uint64_t seq;
	uint64_t output_bytes, output_max;
	bool cut, closed;
};

static struct event_log *log_new(int fd, uint64_t output_max)
{
	struct event_log *l = xnew(struct event_log);

	l->refs = 1;
	l->fd = fd;
	l->on_tail = fd < 0;
	l->output_max = output_max;
	buf_init(&l->tail, TAIL_MAX);
	return l;
}

/* The sequence number of the last whole line; what stands behind it (a power cut) is dropped. */
static void take_up(struct event_log *l)
{
	struct stat st;

	if (fstat(l->fd, &st) < 0 || st.st_size == 0)
		return;
	uint64_t end = (uint64_t)st.st_size;
	/* Lines are counted: each has one number, from 1. */
	char bytes[65536];
	uint64_t at = 0, whole = 0;
	ssize_t n;
	while (at < end && (n = pread(l->fd, bytes, sizeof bytes, (off_t)at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (bytes[i] == '\n') {
				l->seq++;
				whole = at + (uint64_t)i + 1;
			}
		at += (uint64_t)n;
	}
	l->file_bytes = whole;
	l->output_bytes = whole;
	if (whole < end && ftruncate(l->fd, (off_t)whole) < 0)
		l->on_tail = true;
}

struct event_log *event_log_open(const char *path, uint64_t output_max)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	struct event_log *l = log_new(fd, output_max);

	if (fd >= 0)
		take_up(l);
	return l;
}

struct event_log *event_log_open_finished(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return NULL;
	struct event_log *l = log_new(fd, 0);
	if (fstat(fd, &st) == 0)
		l->file_bytes = (uint64_t)st.st_size;
	l->closed = true;
	return l;
}

struct event_log *event_log_ref(struct event_log *l)
{
	l->refs++;
	return l;
}

void event_log_unref(struct event_log *l)
{
	if (!l || --l->refs > 0)
		return;
	if (l->fd >= 0)
		(void)close(l->fd);
	buf_free(&l->tail);
	free(l);
}

/* A line that the file took in part is taken back: readers see whole lines. */
static bool append_to_file(struct event_log *l, const char *line, size_t n)
{
	if (l->on_tail)
		return false;
	if (fd_write_all(l->fd, line, n) == 0) {
		l->file_bytes += n;
		return true;
	}
	(void)!ftruncate(l->fd, (off_t)l->file_bytes);
	l->on_tail = true;
	return false;
}

void event_log_add(struct event_log *l, json_t *event)
{
	char now[CLOCK_RFC3339_SIZE];

	must(!l->closed);
	clock_format_rfc3339(clock_wall_ms(), now);
	json_t *line = json_pack("{s:I, s:s}", "seq", (json_int_t)l->seq + 1, "time", now);
	must(line && event && json_object_update(line, event) == 0);
	json_decref(event);
	_cleanup_free_ char *text = json_line(line);
	json_decref(line);
	size_t n = strlen(text);
	text[n] = '\n'; /* in the place of the NUL: the line is written with its length */
	l->seq++;
	if (!append_to_file(l, text, n + 1) && buf_append(&l->tail, text, n + 1) < 0)
		l->cut = true;
	text[n] = '\0';
}

json_t *event_text(const char *text)
{
	if (!text || !*text)
		return json_null();
	json_t *o = json_string(text);
	if (o)
		return o;
	_cleanup_free_ char *ascii = xstrdup(text);
	for (char *p = ascii; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	o = json_string(ascii);
	must(o);
	return o;
}

void event_log_add_output(
	struct event_log *l, const char *source, const char *process, struct str line)
{
	if (l->cut)
		return;
	l->output_bytes += line.len + 96;
	bool fits = l->output_bytes <= l->output_max &&
		    (!l->on_tail || buf_len(&l->tail) < TAIL_MAX / 2);
	if (!fits) {
		l->cut = true;
		event_log_add(l, json_pack("{s:s, s:s}", "type", "notice", "text",
					 "the output is too long: the rest of it is not kept"));
		return;
	}
	/* Not UTF-8: jansson refuses; the runtime has made it so for tasks. An empty line may have no
	 * address, which it refuses, too. */
	json_t *text = json_stringn(line.len > 0 ? line.p : "", line.len);
	if (!text)
		text = json_string("(a line that is not text)");
	json_t *event = json_pack("{s:s, s:s, s:o}", "type", "log", "source", source, "line", text);
	must(event);
	if (process)
		(void)json_object_set_new(event, "process", json_string(process));
	event_log_add(l, event);
}

void event_log_close(struct event_log *l)
{
	l->closed = true;
}

bool event_log_is_closed(const struct event_log *l)
{
	return l->closed;
}

size_t event_log_read(struct event_log *l, uint64_t *offset, struct buf *to, size_t n)
{
	size_t room = buf_room(to) < n ? buf_room(to) : n;

	if (*offset < l->file_bytes) {
		if (room > l->file_bytes - *offset)
			room = l->file_bytes - *offset;
		char *bytes = room > 0 ? buf_reserve(to, room) : NULL;
		ssize_t got = bytes ? pread(l->fd, bytes, room, (off_t)*offset) : 0;
		if (got <= 0)
			return 0;
		buf_commit(to, (size_t)got);
		*offset += (uint64_t)got;
		return (size_t)got;
	}
	size_t skip = *offset - l->file_bytes;
	if (skip >= buf_len(&l->tail))
		return 0;
	if (room > buf_len(&l->tail) - skip)
		room = buf_len(&l->tail) - skip;
	if (room == 0 || buf_append(to, buf_data(&l->tail) + skip, room) < 0)
		return 0;
	*offset += room;
	return room;
}
