/* SPDX-License-Identifier: Apache-2.0
 *
 * One write(2) for each piece of output, so that a reader sees whole lines.
 */
#include "agent/runtime/supervise/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/sys/fd.h"

#define OUT_MAX (1u << 20)

static void open_file(struct log_file *l)
{
	struct stat st;

	l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		S_IRUSR | S_IWUSR | S_IRGRP);
	l->size = l->fd >= 0 && fstat(l->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void turn_over(struct log_file *l)
{
	_cleanup_free_ char *old = xasprintf("%s.1", l->path);

	(void)close(l->fd);
	(void)rename(l->path, old);
	open_file(l);
}

/* Its file was removed as an old one (log_prune.c) while the app was silent. */
static void reopen_if_removed(struct log_file *l)
{
	struct stat st;

	if (l->fd >= 0 && fstat(l->fd, &st) == 0 && st.st_nlink == 0)
		(void)close(take_fd(&l->fd));
}

static void flush(struct log_file *l)
{
	reopen_if_removed(l);
	if (l->fd < 0)
		open_file(l);
	if (l->fd >= 0 && l->size > 0 && l->size + buf_len(&l->out) > l->size_max)
		turn_over(l);
	if (l->fd >= 0 && fd_write_all(l->fd, buf_data(&l->out), buf_len(&l->out)) == 0)
		l->size += buf_len(&l->out);
	buf_clear(&l->out);
}

static void on_log_line(void *data, struct str line)
{
	struct log_file *l = data;
	char time[CLOCK_RFC3339_SIZE];

	if (buf_room(&l->out) < line.len + sizeof time + 2)
		flush(l);
	clock_format_rfc3339(clock_wall_ms(), time);
	(void)!buf_printf(&l->out, "%s ", time);
	(void)!buf_append(&l->out, line.p, line.len);
	(void)!buf_append(&l->out, "\n", 1);
}

void log_file_init(struct log_file *l, const char *path, uint64_t size_max)
{
	*l = (struct log_file){
		.path = xstrdup(path),
		.fd = -1,
		.size_max = size_max,
		.out = BUF_INIT(OUT_MAX),
	};
	line_splitter_init(&l->lines, on_log_line, l);
	open_file(l);
}

void log_file_free(struct log_file *l)
{
	log_file_end_line(l);
	if (l->fd >= 0)
		(void)close(l->fd);
	line_splitter_free(&l->lines);
	buf_free(&l->out);
	free(l->path);
	*l = (struct log_file){.fd = -1};
}

void log_file_feed(struct log_file *l, const char *data, size_t n)
{
	line_splitter_feed(&l->lines, data, n);
	if (buf_len(&l->out) > 0)
		flush(l);
}

void log_file_end_line(struct log_file *l)
{
	line_splitter_end(&l->lines);
	if (buf_len(&l->out) > 0)
		flush(l);
}
