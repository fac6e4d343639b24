/* SPDX-License-Identifier: Apache-2.0
 *
 * struct buf: bytes that grow up to a maximum. Every buffer that a peer can fill is one of these.
 *
 * Reading position and end move separately: producers append at the end, consumers take from the
 * start. Invariant: start <= end <= capacity <= max. The readable bytes are buf_data(), buf_len().
 */
#ifndef BERTH_BASE_BUF_H
#define BERTH_BASE_BUF_H

#include <stdarg.h>

#include "lib/base/base.h"

struct buf {
	char *base;
	size_t start, end;
	size_t capacity;
	size_t max;
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b); /* gives the memory back; the buffer stays usable, with its maximum */
void buf_clear(struct buf *b); /* forgets the bytes, keeps the memory */

static inline char *buf_data(const struct buf *b)
{
	return b->base ? b->base + b->start : NULL;
}

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}

/* Bytes that may still be appended before the maximum is reached. */
static inline size_t buf_room(const struct buf *b)
{
	return b->max - buf_len(b);
}

/* Makes room for n more bytes and returns where they go; NULL when that would pass the maximum.
 * After writing them the caller says how many with buf_commit(). */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* Append: 0, or -ENOBUFS and nothing changed when the maximum would be passed. */
int buf_append(struct buf *b, const void *data, size_t n) WARN_UNUSED;
int buf_puts(struct buf *b, const char *s) WARN_UNUSED;
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) WARN_UNUSED;

/* Drops n readable bytes from the front. */
void buf_consume(struct buf *b, size_t n);

/* The readable bytes with a NUL behind them, still owned by the buffer; NULL when full. */
char *buf_cstr(struct buf *b);

static inline void buf_freep(struct buf *b)
{
	buf_free(b);
}
#define _cleanup_buf_ _cleanup_(buf_freep)

#endif
