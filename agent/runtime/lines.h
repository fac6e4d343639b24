/* SPDX-License-Identifier: Apache-2.0
 *
 * struct line_splitter: bytes from a pipe become lines of valid UTF-8, at most LINE_MAX_BYTES long.
 */
#ifndef BERTH_AGENT_RUNTIME_LINES_H
#define BERTH_AGENT_RUNTIME_LINES_H

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define LINE_MAX_BYTES (16u << 10)

typedef void (*on_line)(void *data, struct str line);

struct line_splitter {
	struct buf partial; /* the line that has no end yet */
	struct buf clean;
	on_line on_line;
	void *data;
};

void line_splitter_init(struct line_splitter *l, on_line on_line, void *data);
void line_splitter_free(struct line_splitter *l);

/* Calls back for each whole line in what was fed so far, without its newline (or CR LF). */
void line_splitter_feed(struct line_splitter *l, const char *data, size_t n);

/* Delivers a last line that has no newline. */
void line_splitter_end(struct line_splitter *l);

/* Appends `raw` to `to`, each byte that is not part of valid UTF-8 (RFC 3629), and each NUL, as
 * U+FFFD; what does not fit any more is dropped at a character's boundary. */
void utf8_append(struct buf *to, struct str raw);

#endif
