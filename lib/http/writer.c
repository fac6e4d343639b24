/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads and chunk frames as bytes. No printf here: this runs twice for every request.
 */
#include "lib/http/writer.h"

#include <errno.h>

#include "lib/http/syntax.h"

struct reason {
	unsigned status;
	const char *text;
};

static const struct reason reasons[] = {
	{100, "Continue"},
	{101, "Switching Protocols"},
	{103, "Early Hints"},
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

const char *http_reason(unsigned status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "";
}

static char *put(char *to, struct str s)
{
	if (s.len > 0)
		memcpy(to, s.p, s.len);
	return to + s.len;
}

/* Appends up to five pieces at once: one reservation instead of five. */
static int append_all(struct buf *to, const struct str *pieces, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += pieces[i].len;
	char *at = buf_reserve(to, total);
	if (!at)
		return -ENOBUFS;
	for (size_t i = 0; i < n; i++)
		at = put(at, pieces[i]);
	buf_commit(to, total);
	return 0;
}

int http_write_request_line(struct buf *to, struct str method, struct str target)
{
	const struct str pieces[] = {method, STR(" "), target, STR(" HTTP/1.1\r\n")};
	return append_all(to, pieces, ARRAY_SIZE(pieces));
}

int http_write_status_line(struct buf *to, unsigned status, struct str reason)
{
	must(status >= 100 && status <= 999);
	const char digits[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
		(char)('0' + status % 10)};

	if (reason.len == 0)
		reason = str_from(http_reason(status));
	const struct str pieces[] = {
		STR("HTTP/1.1 "), {digits, sizeof digits}, STR(" "), reason, STR("\r\n")};
	return append_all(to, pieces, ARRAY_SIZE(pieces));
}

int http_write_field(struct buf *to, struct str name, struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!http_is_value_char(value.p[i]))
			return -EINVAL;
	const struct str pieces[] = {name, STR(": "), value, STR("\r\n")};
	return append_all(to, pieces, ARRAY_SIZE(pieces));
}

int http_write_field_number(struct buf *to, struct str name, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	const struct str pieces[] = {
		name, STR(": "), {digits + at, sizeof digits - at}, STR("\r\n")};
	return append_all(to, pieces, ARRAY_SIZE(pieces));
}

int http_write_end(struct buf *to)
{
	return buf_append(to, "\r\n", 2);
}

size_t http_format_chunk_head(char to[HTTP_CHUNK_HEAD_MAX], uint64_t size)
{
	size_t digits = 1;

	must(size > 0);
	while (digits < 16 && size >> (4 * digits))
		digits++;
	for (size_t i = 0; i < digits; i++)
		to[i] = "0123456789abcdef"[size >> (4 * (digits - 1 - i)) & 15];
	to[digits] = '\r';
	to[digits + 1] = '\n';
	return digits + 2;
}
