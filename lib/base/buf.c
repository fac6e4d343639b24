/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounded byte buffers.
 */
#include "lib/base/buf.h"

#include <errno.h>
#include <stdio.h>

#define CAPACITY_MIN 256

void buf_init(struct buf *b, size_t max)
{
	*b = BUF_INIT(max);
}

void buf_free(struct buf *b)
{
	free(b->base);
	*b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
	b->start = b->end = 0;
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (n > buf_room(b))
		return NULL;
	if (n > b->capacity - b->end && b->start > 0) {
		memmove(b->base, b->base + b->start, buf_len(b));
		b->end -= b->start;
		b->start = 0;
	}
	if (n > b->capacity - b->end) {
		size_t want = b->capacity ? b->capacity : CAPACITY_MIN;
		while (want - b->end < n)
			want *= 2;
		if (want > b->max)
			want = b->max;
		b->base = xrealloc(b->base, want, 1);
		b->capacity = want;
	}
	return b->base + b->end;
}

void buf_commit(struct buf *b, size_t n)
{
	must(n <= b->capacity - b->end);
	b->end += n;
}

int buf_append(struct buf *b, const void *data, size_t n)
{
	if (n == 0)
		return 0;
	char *to = buf_reserve(b, n);
	if (!to)
		return -ENOBUFS;
	memcpy(to, data, n);
	b->end += n;
	return 0;
}

int buf_puts(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(n >= 0);
	/* vsnprintf writes a NUL behind the text: reserve it, do not commit it. */
	char *to = buf_reserve(b, (size_t)n + 1);
	if (!to)
		return -ENOBUFS;
	va_start(ap, fmt);
	(void)vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->end += (size_t)n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	must(n <= buf_len(b));
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

char *buf_cstr(struct buf *b)
{
	char *nul = buf_reserve(b, 1);
	if (!nul)
		return NULL;
	*nul = '\0';
	return buf_data(b);
}
