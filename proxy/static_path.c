/* SPDX-License-Identifier: Apache-2.0
 *
 * Request paths to file names.
 */
#include "proxy/static_path.h"

#include <stdio.h>

#include "lib/base/parse.h"

#define NAME_MAX_BYTES 255

/* One segment, decoded to `to`; its length, or -1 when the encoding is bad. */
static ssize_t decode_segment(struct str segment, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < segment.len; i++) {
		char c = segment.p[i];
		if (c == '%') {
			int high = i + 2 < segment.len ? parse_hex_digit(segment.p[i + 1]) : -1;
			int low = high >= 0 ? parse_hex_digit(segment.p[i + 2]) : -1;
			if (low < 0)
				return -1;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (c == '\0' || c == '/')
			return -1;
		to[n++] = c;
	}
	return (ssize_t)n;
}

static enum static_path_kind check_name(struct str name, bool first)
{
	if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
		return STATIC_PATH_BAD;
	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return STATIC_PATH_ABSENT;
	if (name.p[0] == '.' && !(first && str_eq(name, STR(".well-known"))))
		return STATIC_PATH_ABSENT;
	return STATIC_PATH_FILE;
}

/* A site whose root is the top of its repository must not publish what configures it. */
static bool is_ours(const char *path)
{
	static const char *const names[] = {"berth.yaml", "berth.yml", "Procfile"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(path, names[i]))
			return true;
	return false;
}

enum static_path_kind static_path_decode(struct str encoded, char to[STATIC_PATH_MAX])
{
	enum static_path_kind kind = STATIC_PATH_FILE;
	size_t at = 0;

	to[0] = '\0';
	if (encoded.len == 0 || encoded.p[0] != '/')
		return STATIC_PATH_BAD;
	/* Decoding only shrinks. */
	if (encoded.len >= STATIC_PATH_MAX)
		return STATIC_PATH_ABSENT;
	struct str rest = {encoded.p + 1, encoded.len - 1}, segment;
	bool folder = rest.len == 0 || rest.p[rest.len - 1] == '/';
	for (bool first = true; str_split(&rest, '/', &segment); first = false) {
		if (!first)
			to[at++] = '/';
		ssize_t n = decode_segment(segment, to + at);
		if (n < 0)
			return STATIC_PATH_BAD;
		/* The whole path is read before it is absent: a bad one is bad wherever it is so. */
		enum static_path_kind k = check_name((struct str){to + at, (size_t)n}, first);
		if (k == STATIC_PATH_BAD)
			return k;
		if (k == STATIC_PATH_ABSENT)
			kind = k;
		at += (size_t)n;
	}
	to[at] = '\0';
	if (kind == STATIC_PATH_ABSENT || is_ours(to))
		return STATIC_PATH_ABSENT;
	return folder ? STATIC_PATH_FOLDER : STATIC_PATH_FILE;
}

static bool is_path_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("/%-._~!$&'()*+,;=:@", c) != NULL);
}

/* Copies bytes, encoding those that are not allowed; returns behind the last. */
static char *put_encoded(char *to, struct str s, const char *also_allowed)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (is_path_char(c) || (c != '\0' && strchr(also_allowed, c) != NULL)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	return to;
}

char *static_path_with_slash(struct str encoded, struct str query)
{
	while (encoded.len > 0 && encoded.p[0] == '/') {
		encoded.p++;
		encoded.len--;
	}
	while (encoded.len > 0 && encoded.p[encoded.len - 1] == '/')
		encoded.len--;
	char *location = xcalloc(3 * (encoded.len + query.len) + 4, 1), *p = location;
	*p++ = '/';
	p = put_encoded(p, encoded, "");
	if (encoded.len > 0)
		*p++ = '/';
	if (query.len > 0) {
		*p++ = '?';
		p = put_encoded(p, query, "?");
	}
	*p = '\0';
	return location;
}

enum char_class { CLASS_DIGIT, CLASS_LOWER, CLASS_UPPER, CLASS_OTHER };

static enum char_class class_of(char c)
{
	if (c >= '0' && c <= '9')
		return CLASS_DIGIT;
	if (c >= 'a' && c <= 'z')
		return CLASS_LOWER;
	if (c >= 'A' && c <= 'Z')
		return CLASS_UPPER;
	return CLASS_OTHER;
}

/* Bundlers write 8 and more hexadecimal digits, or 8 of [A-Za-z0-9_]. Words and dates must not pass
 * for one, since a mistake lasts a year in browsers: digits and letters must alternate. */
static bool is_hash(struct str part)
{
	size_t digits = 0, changes = 0;
	bool hexadecimal = true;

	if (part.len < 8 || part.len > 64)
		return false;
	for (size_t i = 0; i < part.len; i++) {
		enum char_class class = class_of(part.p[i]);
		if (class == CLASS_OTHER && part.p[i] != '_')
			return false;
		hexadecimal =
			hexadecimal && parse_hex_digit(part.p[i]) >= 0 && class != CLASS_UPPER;
		digits += class == CLASS_DIGIT;
		changes += i > 0 && class != class_of(part.p[i - 1]);
	}
	if (digits == 0)
		return false;
	return hexadecimal ? changes >= 2 : part.len == 8 && changes >= 4;
}

bool static_path_is_hashed(struct str path)
{
	size_t end = path.len, i = path.len;

	/* The parts behind the first separator of the last segment, but for the extension. */
	for (bool extension = true; i > 0 && path.p[i - 1] != '/'; i--) {
		char c = path.p[i - 1];
		if (c != '.' && c != '-')
			continue;
		if (!extension && is_hash((struct str){path.p + i, end - i}))
			return true;
		if (c == '.')
			extension = false;
		end = i - 1;
	}
	return false;
}
