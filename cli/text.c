/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for a terminal.
 */
#include "cli/text.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <wchar.h>

#define ESC 0x1b
#define REPLACEMENT 0xfffdu

/* Decodes one character of UTF-8 (RFC 3629: no surrogates, shortest form). Returns its bytes and
 * the code point; a broken sequence is one byte long and REPLACEMENT. */
static size_t decode(struct str s, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
	uint32_t cp = n == 1 ? c : c & (0xffu >> (n + 1));

	*ret = REPLACEMENT;
	if (n == 0 || n > s.len)
		return 1;
	for (size_t i = 1; i < n; i++) {
		unsigned char d = (unsigned char)s.p[i];
		if (d >> 6 != 2)
			return 1;
		cp = cp << 6 | (d & 0x3f);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 1;
	*ret = cp;
	return n;
}

/* Bytes of the escape sequence at the front of s (ECMA-48 §5.3, §5.4, §5.6). */
static size_t escape_length(struct str s)
{
	size_t i = 2;
	if (s.len < 2)
		return s.len;
	if (s.p[1] == '[') {
		while (i < s.len && s.p[i] >= 0x20 && s.p[i] <= 0x3f)
			i++;
		return i < s.len && s.p[i] >= 0x40 && s.p[i] <= 0x7e ? i + 1 : i;
	}
	if (!strchr("]PX^_", s.p[1])) {
		i = 1;
		while (i < s.len && s.p[i] >= 0x20 && s.p[i] <= 0x2f)
			i++;
		return i < s.len && s.p[i] >= 0x30 && s.p[i] <= 0x7e ? i + 1 : i;
	}
	/* A string ends with BEL or ST; one that never ends hides the rest of the line. */
	for (; i < s.len; i++) {
		if (s.p[i] == 7)
			return i + 1;
		if (s.p[i] == ESC && i + 1 < s.len && s.p[i + 1] == '\\')
			return i + 2;
	}
	return i;
}

/* C0, DEL, C1, and what turns the direction of writing round or hides (Unicode Bidi_Control). */
static bool is_harmful(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
	       cp == 0xfeff;
}

static struct str after_last_return(struct str s)
{
	while (s.len > 0 && (s.p[s.len - 1] == '\r' || s.p[s.len - 1] == '\n'))
		s.len--;
	const char *cr = s.len ? memrchr(s.p, '\r', s.len) : NULL;
	if (cr)
		s = (struct str){cr + 1, s.len - (size_t)(cr + 1 - s.p)};
	return s;
}

static int append_char(struct buf *to, struct str bytes, uint32_t cp)
{
	if (cp == '\t')
		return buf_append(to, "    ", 4);
	if (is_harmful(cp))
		return 0;
	if (cp == REPLACEMENT)
		return buf_append(to, "\xef\xbf\xbd", 3);
	return buf_append(to, bytes.p, bytes.len);
}

void text_clean(struct str in, struct buf *to)
{
	struct str s = after_last_return(in);
	while (s.len > 0) {
		uint32_t cp = ESC;
		size_t n = s.p[0] == ESC ? escape_length(s) : decode(s, &cp);
		if (append_char(to, (struct str){s.p, n}, cp) < 0)
			return;
		s = (struct str){s.p + n, s.len - n};
	}
}

char *text_cleaned(const char *in)
{
	struct str s = str_from(in ? in : "");
	/* A tab is four bytes, a broken byte three. */
	_cleanup_buf_ struct buf b = BUF_INIT(s.len * 4 + 1);
	text_clean(s, &b);
	return xstrndup(buf_len(&b) ? buf_data(&b) : "", buf_len(&b));
}

static size_t columns_of(uint32_t cp)
{
	int w = wcwidth((wchar_t)cp);
	return w < 0 ? 1 : (size_t)w;
}

size_t text_width(struct str s)
{
	size_t width = 0;
	while (s.len > 0) {
		uint32_t cp;
		size_t n = decode(s, &cp);
		width += columns_of(cp);
		s = (struct str){s.p + n, s.len - n};
	}
	return width;
}

struct str text_fit(struct str s, size_t columns)
{
	struct str rest = s;
	while (rest.len > 0) {
		uint32_t cp;
		size_t n = decode(rest, &cp);
		if (columns_of(cp) > columns)
			break;
		columns -= columns_of(cp);
		rest = (struct str){rest.p + n, rest.len - n};
	}
	return (struct str){s.p, s.len - rest.len};
}

void text_ago(int64_t then_ms, int64_t now_ms, char *to)
{
	int64_t s = (now_ms - then_ms) / 1000;
	if (s < 5)
		(void)snprintf(to, TEXT_AGO_SIZE, "just now");
	else if (s < 60)
		(void)snprintf(to, TEXT_AGO_SIZE, "%ds ago", (int)s);
	else if (s < 3600)
		(void)snprintf(to, TEXT_AGO_SIZE, "%dm ago", (int)(s / 60));
	else if (s < 48 * 3600)
		(void)snprintf(to, TEXT_AGO_SIZE, "%dh ago", (int)(s / 3600));
	else if (s < 30 * 86400)
		(void)snprintf(to, TEXT_AGO_SIZE, "%dd ago", (int)(s / 86400));
	else {
		struct tm tm;
		time_t t = (time_t)(then_ms / 1000);
		(void)localtime_r(&t, &tm);
		(void)strftime(to, TEXT_AGO_SIZE, "%Y-%m-%d", &tm);
	}
}

/* "Z", "+hh:mm" or "-hh:mm" as seconds east of UTC. */
static int parse_offset(const char *s, long *ret)
{
	int h = 0, m = 0, n = 0;
	if (streq(s, "Z") || streq(s, "z")) {
		*ret = 0;
		return 0;
	}
	/* NOLINTNEXTLINE(cert-err34-c): two digits each, and the end is checked */
	if ((*s != '+' && *s != '-') || sscanf(s + 1, "%2d:%2d%n", &h, &m, &n) != 2 || n != 5 ||
		s[6] || h > 23 || m > 59)
		return -EINVAL;
	*ret = (*s == '-' ? -1 : 1) * (h * 3600L + m * 60L);
	return 0;
}

int text_parse_time(const char *s, int64_t *ret_ms)
{
	struct tm tm = {0};
	long offset;
	int64_t fraction = 0;
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return -EINVAL;
	if (*rest == '.') {
		int64_t unit = 100;
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			fraction += unit * (*rest - '0');
	}
	if (parse_offset(rest, &offset) < 0)
		return -EINVAL;
	*ret_ms = ((int64_t)timegm(&tm) - offset) * 1000 + fraction;
	return 0;
}
