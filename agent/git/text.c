/* SPDX-License-Identifier: Apache-2.0
 *
 * Cleaning text.
 */
#include "agent/git/text.h"

size_t text_decode_utf8(const char *p, size_t len, uint32_t *ret)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)p[0];
	size_t n = 0;

	if (first < 0x80)
		n = 1;
	else if ((first & 0xe0) == 0xc0)
		n = 2;
	else if ((first & 0xf0) == 0xe0)
		n = 3;
	else if ((first & 0xf8) == 0xf0)
		n = 4;
	if (n == 0 || n > len)
		return 0;
	uint32_t c = n == 1 ? first : first & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)p[i] & 0x3f);
	}
	if (n > 1 && (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)))
		return 0;
	*ret = c;
	return n;
}

bool text_is_ignorable(uint32_t c)
{
	return (c >= 0x200c && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x206a && c <= 0x206f) || c == 0xfeff;
}

/* C1 controls and direction overrides trick terminals as well as C0 does. */
static bool is_shown(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !text_is_ignorable(c) &&
	       !(c >= 0x2066 && c <= 0x2069);
}

/* Length of the escape sequence at p (ECMA-48: CSI, OSC, two-character), which starts with ESC. */
static size_t escape_length(const char *p, size_t len)
{
	if (len < 2)
		return len;
	size_t i = 2;
	if (p[1] == '[') {
		while (i < len && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x40)
			i++;
		return i < len && (unsigned char)p[i] >= 0x40 && (unsigned char)p[i] < 0x7f ? i + 1
											    : i;
	}
	if (p[1] == ']') {
		while (i < len && p[i] != '\a' && p[i] != '\033')
			i++;
		return i < len && p[i] == '\a' ? i + 1 : i;
	}
	return (unsigned char)p[1] >= 0x20 && (unsigned char)p[1] < 0x7f ? 2 : 1;
}

size_t text_clean(struct str text, char *to, size_t size)
{
	size_t out = 0, cut = 0;

	must(size >= 8);
	for (size_t i = 0; i < text.len;) {
		uint32_t c = 0;
		if (text.p[i] == '\033') {
			i += escape_length(text.p + i, text.len - i);
			continue;
		}
		size_t n = text_decode_utf8(text.p + i, text.len - i, &c);
		bool is_good = n > 0 && is_shown(c);
		size_t wanted = is_good ? n : 1;
		if (out + sizeof "..." <= size)
			cut = out; /* the last place with room for the dots */
		if (out + wanted + 1 > size) {
			memcpy(to + cut, "...", 3);
			out = cut + 3;
			break;
		}
		if (is_good)
			memcpy(to + out, text.p + i, n);
		else
			to[out] = n > 0 && c == '\t' ? ' ' : '?';
		out += wanted;
		i += n > 0 ? n : 1;
	}
	to[out] = '\0';
	return out;
}
