/* SPDX-License-Identifier: Apache-2.0
 *
 * Splits at newlines; a line that is too long is delivered in pieces.
 */
#include "agent/runtime/lines.h"

static const char replacement[] = "\xef\xbf\xbd";

/* Length of the valid UTF-8 character at p, 0 when there is none (RFC 3629 §4). */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (p[0] >= 0x01 && p[0] <= 0x7f)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

void utf8_append(struct buf *to, struct str raw)
{
	for (size_t i = 0; raw.p && i < raw.len;) {
		size_t n = utf8_length((const unsigned char *)raw.p + i, raw.len - i);
		int r = n > 0 ? buf_append(to, raw.p + i, n) : buf_puts(to, replacement);
		if (r < 0)
			return;
		i += n > 0 ? n : 1;
	}
}

void line_splitter_init(struct line_splitter *l, on_line callback, void *data)
{
	*l = (struct line_splitter){
		.partial = BUF_INIT(LINE_MAX_BYTES),
		.clean = BUF_INIT(LINE_MAX_BYTES),
		.on_line = callback,
		.data = data,
	};
}

void line_splitter_free(struct line_splitter *l)
{
	buf_free(&l->partial);
	buf_free(&l->clean);
}

static void deliver(struct line_splitter *l)
{
	struct str line = {buf_data(&l->partial), buf_len(&l->partial)};

	if (line.p && line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	buf_clear(&l->clean);
	utf8_append(&l->clean, line);
	l->on_line(l->data, (struct str){buf_data(&l->clean), buf_len(&l->clean)});
	buf_clear(&l->partial);
}

void line_splitter_feed(struct line_splitter *l, const char *data, size_t n)
{
	while (n > 0) {
		const char *end = memchr(data, '\n', n);
		size_t len = end ? (size_t)(end - data) : n, room = buf_room(&l->partial);
		size_t taken = len < room ? len : room;
		(void)!buf_append(&l->partial, data, taken);
		if (taken < len) {
			deliver(l);
		} else if (end) {
			deliver(l);
			taken++;
		}
		data += taken;
		n -= taken;
	}
}

void line_splitter_end(struct line_splitter *l)
{
	if (buf_len(&l->partial) > 0)
		deliver(l);
}
