/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunked coding, byte by byte in its lines and in bulk in its data. Every line ends in CRLF;
 * what RFC 9112 §7.1.1 lets a recipient tolerate is refused where two readers could differ.
 */
#include "lib/http/chunked.h"

#include "lib/base/parse.h"
#include "lib/http/syntax.h"

#define LINE_BYTES_MAX 4096 /* a size line with its extensions */
#define TRAILER_BYTES_MAX 8192 /* all trailer fields */
#define SIZE_DIGITS_MAX 15 /* below 2^60, so that no sum overflows */

enum state {
	SIZE_FIRST,
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_FIRST,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	DONE,
	BAD,
};

void http_chunked_init(struct http_chunked *c)
{
	*c = (struct http_chunked){.state = SIZE_FIRST};
}

static enum state on_size(struct http_chunked *c, char ch)
{
	int digit = parse_hex_digit(ch);

	if (digit >= 0) {
		if (c->line_bytes > SIZE_DIGITS_MAX)
			return BAD;
		c->left = c->left * 16 + (uint64_t)digit;
		return SIZE;
	}
	if (c->state == SIZE_FIRST)
		return BAD;
	return ch == ';' ? EXTENSION : ch == '\r' ? SIZE_LF : BAD;
}

static enum state on_size_lf(struct http_chunked *c, char ch)
{
	if (ch != '\n')
		return BAD;
	c->line_bytes = 0;
	return c->left > 0 ? DATA : TRAILER_FIRST;
}

/* One byte of a line: the next state. */
static enum state on_line_byte(struct http_chunked *c, char ch)
{
	switch ((enum state)c->state) {
	case SIZE_FIRST:
	case SIZE:
		return on_size(c, ch);
	case EXTENSION:
		return ch == '\r' ? SIZE_LF : http_is_value_char(ch) ? EXTENSION : BAD;
	case SIZE_LF:
		return on_size_lf(c, ch);
	case DATA_CR:
		return ch == '\r' ? DATA_LF : BAD;
	case DATA_LF:
		c->line_bytes = 0;
		return ch == '\n' ? SIZE_FIRST : BAD;
	case TRAILER_FIRST:
		return ch == '\r' ? END_LF : http_is_token_char(ch) ? TRAILER_NAME : BAD;
	case TRAILER_NAME:
		return ch == ':' ? TRAILER_VALUE : http_is_token_char(ch) ? TRAILER_NAME : BAD;
	case TRAILER_VALUE:
		return ch == '\r' ? TRAILER_LF : http_is_value_char(ch) ? TRAILER_VALUE : BAD;
	case TRAILER_LF:
		return ch == '\n' ? TRAILER_FIRST : BAD;
	case END_LF:
		return ch == '\n' ? DONE : BAD;
	case DATA:
	case DONE:
	case BAD:
		break;
	}
	return BAD;
}

static bool is_over_limit(const struct http_chunked *c)
{
	bool in_trailer = c->state >= TRAILER_FIRST && c->state <= END_LF;
	return c->line_bytes > (in_trailer ? TRAILER_BYTES_MAX : LINE_BYTES_MAX);
}

enum http_chunked_result http_chunked_decode(
	struct http_chunked *c, char *data, size_t len, size_t *ret_consumed, size_t *ret_body)
{
	size_t at = 0, body = 0;

	while (at < len && c->state != DONE && c->state != BAD) {
		if (c->state == DATA) {
			size_t n = len - at < c->left ? len - at : (size_t)c->left;
			memmove(data + body, data + at, n);
			body += n;
			at += n;
			c->left -= n;
			if (c->left == 0)
				c->state = DATA_CR;
			continue;
		}
		c->line_bytes++;
		c->state = on_line_byte(c, data[at++]);
		if (is_over_limit(c))
			c->state = BAD;
	}
	*ret_consumed = at;
	*ret_body = body;
	return c->state == DONE	 ? HTTP_CHUNKED_DONE
	       : c->state == BAD ? HTTP_CHUNKED_BAD
				 : HTTP_CHUNKED_MORE;
}
