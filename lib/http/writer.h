/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes HTTP/1.1 heads and chunk frames into a buffer. What is written is well-formed by
 * construction as long as names, values and targets come from the parser or from our own code:
 * http_write_field() refuses the bytes that would end a line.
 *
 * All return 0, -ENOBUFS when the buffer is at its maximum, or -EINVAL for such bytes; a caller
 * may write a whole head and look at the results joined with |.
 */
#ifndef BERTH_HTTP_WRITER_H
#define BERTH_HTTP_WRITER_H

#include "lib/base/buf.h"
#include "lib/base/str.h"

int http_write_request_line(struct buf *to, struct str method, struct str target);

/* With an empty reason the standard one is taken. */
int http_write_status_line(struct buf *to, unsigned status, struct str reason);

int http_write_field(struct buf *to, struct str name, struct str value);
int http_write_field_number(struct buf *to, struct str name, uint64_t value);
int http_write_end(struct buf *to); /* the empty line */

/* A chunk's size line, its length returned; data and HTTP_CHUNK_END follow. Size is not 0. */
#define HTTP_CHUNK_HEAD_MAX 18
size_t http_format_chunk_head(char to[HTTP_CHUNK_HEAD_MAX], uint64_t size);
#define HTTP_CHUNK_END "\r\n"
#define HTTP_CHUNK_LAST "0\r\n\r\n"

/* The reason phrase; "" for a status that has none. Never NULL. */
const char *http_reason(unsigned status);

#endif
