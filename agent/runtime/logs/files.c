/* SPDX-License-Identifier: Apache-2.0
 *
 * Log files of the embedded runtime: <instance>.log and <instance>.log.1, lines "TIME text". The last
 * lines of all files are merged by their times; what follows comes as inotify reports it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "agent/runtime/logs/logs.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/sys/fd.h"

#define FILES_MAX 256
#define TAIL_BYTES_MAX (4u << 20) /* of one file */
#define PIECE 65536
#define TIME_LEN (CLOCK_RFC3339_SIZE - 1)

struct source {
	char name[INSTANCE_NAME_MAX + 8];
	struct instance_id id;
	int fd; /* of <instance>.log */
	off_t offset; /* read up to here */
	int64_t changed_ns;
	struct buf partial;
};

struct line {
	struct instance_id id;
	char *text; /* "TIME text" */
};

struct reader {
	const struct logs_options *options;
	int dir;
	struct source sources[FILES_MAX];
	unsigned source_count;
	struct line *lines;
	size_t line_count;
};

static int print(const struct instance_id *id, struct str text)
{
	if (text.len < TIME_LEN || (text.len > TIME_LEN && text.p[TIME_LEN] != ' '))
		return 0;
	size_t head = text.len > TIME_LEN ? TIME_LEN + 1 : TIME_LEN;
	return logs_print(
		id, (struct str){text.p, TIME_LEN}, (struct str){text.p + head, text.len - head});
}

static struct source *find(struct reader *r, const char *name)
{
	for (unsigned n = 0; n < r->source_count; n++)
		if (streq(r->sources[n].name, name))
			return &r->sources[n];
	return NULL;
}

static void add_source(struct reader *r, const char *name)
{
	char instance[INSTANCE_NAME_MAX + 8];
	struct source s = {.partial = BUF_INIT(2 * PIECE)};
	struct stat st;

	if (!has_suffix(name, ".log") || strlen(name) >= sizeof instance || find(r, name) ||
		r->source_count == FILES_MAX)
		return;
	(void)snprintf(instance, sizeof instance, "%.*s", (int)strlen(name) - 4, name);
	if (instance_parse(instance, &s.id) < 0 ||
		(r->options->process && !streq(r->options->process, s.id.process)))
		return;
	(void)!str_copy(s.name, sizeof s.name, str_from(name));
	s.fd = openat(r->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (s.fd < 0 || fstat(s.fd, &st) < 0)
		return;
	s.changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	r->sources[r->source_count++] = s;
}

static void scan(struct reader *r)
{
	DIR *dir = fdopendir(openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		add_source(r, e->d_name);
	(void)closedir(dir);
}

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	return strncmp(x->text, y->text, TIME_LEN);
}

/* Keeps the newest `lines` of what was collected. */
static void trim(struct reader *r)
{
	size_t max = r->options->lines;

	/* Insertion order decides between equal times: a stable sort, glibc's qsort, is wanted. */
	if (r->line_count > 0)
		qsort(r->lines, r->line_count, sizeof *r->lines, by_time);
	if (r->line_count <= max)
		return;
	size_t drop = r->line_count - max;
	for (size_t n = 0; n < drop; n++)
		free(r->lines[n].text);
	memmove(r->lines, r->lines + drop, max * sizeof *r->lines);
	r->line_count = max;
}

/* Collects the last lines of one file that end before `end`; how many. */
static size_t collect_tail(struct reader *r, const struct instance_id *id, int fd, off_t end)
{
	off_t from = end > (off_t)TAIL_BYTES_MAX ? end - (off_t)TAIL_BYTES_MAX : 0;
	size_t len = (size_t)(end - from), found = 0;
	_cleanup_free_ char *text = xcalloc(len + 1, 1);

	ssize_t n = pread(fd, text, len, from);
	const char *stop = text + (n > 0 ? n : 0);
	while (stop > text && found < r->options->lines) {
		const char *line_end = stop - 1; /* its newline */
		const char *before =
			line_end > text ? memrchr(text, '\n', (size_t)(line_end - text)) : NULL;
		const char *begin = before ? before + 1 : text;
		if (before || from == 0) {
			r->lines = xrealloc(r->lines, r->line_count + 1, sizeof *r->lines);
			r->lines[r->line_count++] =
				(struct line){*id, xstrndup(begin, (size_t)(line_end - begin))};
			found++;
		}
		stop = begin;
	}
	return found;
}

static void reverse(struct line *lines, size_t n)
{
	for (size_t a = 0, b = n; a + 1 < b; a++) {
		struct line swap = lines[a];
		lines[a] = lines[--b];
		lines[b] = swap;
	}
}

static void collect(struct reader *r, struct source *s)
{
	char old[INSTANCE_NAME_MAX + 16];
	size_t first = r->line_count;
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return;
	s->offset = st.st_size;
	size_t found = collect_tail(r, &s->id, s->fd, s->offset);
	(void)snprintf(old, sizeof old, "%s.1", s->name);
	_cleanup_close_ int fd = openat(r->dir, old, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (found < r->options->lines && fd >= 0 && fstat(fd, &st) == 0)
		(void)collect_tail(r, &s->id, fd, st.st_size);
	reverse(r->lines + first, r->line_count - first);
	trim(r);
}

static int print_tail(struct reader *r)
{
	int result = 0;

	for (unsigned n = 0; n < r->source_count; n++)
		collect(r, &r->sources[n]);
	for (size_t n = 0; n < r->line_count; n++) {
		if (result == 0)
			result = print(&r->lines[n].id, str_from(r->lines[n].text));
		free(r->lines[n].text);
	}
	free(r->lines);
	r->lines = NULL;
	r->line_count = 0;
	return result;
}

static int print_new(struct source *s)
{
	for (;;) {
		char *to = buf_reserve(&s->partial, PIECE);
		if (!to) {
			buf_clear(&s->partial); /* no line of ours is that long */
			continue;
		}
		ssize_t n = pread(s->fd, to, PIECE, s->offset);
		if (n <= 0)
			return 0;
		buf_commit(&s->partial, (size_t)n);
		s->offset += n;
		for (const char *end; (end = memchr(buf_data(&s->partial), '\n',
					       buf_len(&s->partial))) != NULL;) {
			size_t len = (size_t)(end - buf_data(&s->partial));
			int r = print(&s->id, (struct str){buf_data(&s->partial), len});
			if (r < 0)
				return r;
			buf_consume(&s->partial, len + 1);
		}
	}
}

/* The file was turned over when its name means another one now. */
static void reopen_if_turned(struct reader *r, struct source *s)
{
	struct stat mine, named;

	if (fstat(s->fd, &mine) < 0 || fstatat(r->dir, s->name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
		mine.st_ino == named.st_ino)
		return;
	int fd = openat(r->dir, s->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	(void)close(s->fd);
	s->fd = fd;
	s->offset = 0;
}

static int print_all_new(struct reader *r)
{
	for (unsigned n = 0; n < r->source_count; n++) {
		int result = print_new(&r->sources[n]);
		if (result == 0) {
			reopen_if_turned(r, &r->sources[n]);
			result = print_new(&r->sources[n]);
		}
		if (result < 0)
			return result;
	}
	return 0;
}

static int follow(struct reader *r, int notify)
{
	struct pollfd fds[] = {{notify, POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
	char events[4096];

	for (int result = print_all_new(r); result == 0; result = print_all_new(r)) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents & (POLLERR | POLLHUP))
			return 0;
		(void)!read(notify, events, sizeof events);
		scan(r);
	}
	return 0;
}

int logs_from_files(const struct logs_options *options, struct err *err)
{
	static struct reader r;

	r = (struct reader){.options = options};
	r.dir = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.dir < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot read %s", options->dir);
	_cleanup_close_ int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (notify >= 0)
		(void)inotify_add_watch(
			notify, options->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	scan(&r);
	int result = print_tail(&r);
	if (result == 0 && options->follow && notify >= 0)
		result = follow(&r, notify);
	for (unsigned n = 0; n < r.source_count; n++) {
		(void)close(r.sources[n].fd);
		buf_free(&r.sources[n].partial);
	}
	(void)close(r.dir);
	return result == -EPIPE ? 0 : result;
}
