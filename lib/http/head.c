/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 heads. The end of the head is looked for first, line by line and cheaply, so that bytes
 * that drip in are not parsed again and again; the fields are then parsed once.
 */
#include "lib/http/head.h"

#include <errno.h>

#include "lib/base/parse.h"
#include "lib/http/syntax.h"

#define METHOD_BYTES_MAX 32
/* A request line: method, target, version and two spaces. */
#define LINE_BYTES_MAX (METHOD_BYTES_MAX + HTTP_TARGET_BYTES_MAX + 16)

static ssize_t refuse(const char **ret_why, int status, const char *why)
{
	*ret_why = why;
	return -status;
}

/* Finds the line that starts at data: 1 and the line without its CRLF, 0 when it is not whole yet,
 * -1 when it does not end in exactly one CRLF. */
static int find_line(const char *data, size_t len, struct str *ret)
{
	const char *lf = memchr(data, '\n', len);
	const char *cr = memchr(data, '\r', lf ? (size_t)(lf - data) : len);

	if (!lf)
		return cr && cr != data + len - 1 ? -1 : 0;
	if (!cr || cr + 1 != lf)
		return -1;
	*ret = (struct str){data, (size_t)(cr - data)};
	return 1;
}

/* Length of the head in data, its empty line included, from the field lines at `at` on; 0: more
 * bytes are needed. */
static ssize_t find_end(
	const char *data, size_t at, size_t len, int bad_status, const char **ret_why)
{
	while (at < len && at <= HTTP_HEAD_BYTES_MAX) {
		struct str line;
		int r = find_line(data + at, len - at, &line);
		if (r < 0)
			return refuse(ret_why, bad_status, "a line does not end in CRLF");
		if (r == 0)
			break;
		at += line.len + 2;
		if (line.len == 0 && at <= HTTP_HEAD_BYTES_MAX)
			return (ssize_t)at;
	}
	if (len >= HTTP_HEAD_BYTES_MAX)
		return refuse(ret_why, bad_status == 502 ? 502 : 431, "the head is too long");
	return 0;
}

static bool parse_field(struct str line, struct http_field *ret)
{
	size_t n = 0;

	while (n < line.len && http_is_token_char(line.p[n]))
		n++;
	if (n == 0 || n == line.len || line.p[n] != ':')
		return false;
	ret->name = (struct str){line.p, n};
	ret->value = str_trim((struct str){line.p + n + 1, line.len - n - 1});
	for (size_t i = 0; i < ret->value.len; i++)
		if (!http_is_value_char(ret->value.p[i]))
			return false;
	return true;
}

/* Parses the field lines of a whole head: at points behind the start line. */
static ssize_t parse_fields(
	const char *at, struct http_head *ret, int bad_status, const char **ret_why)
{
	ret->field_count = 0;
	for (;;) {
		/* find_end() has seen that every line is terminated. */
		const char *cr = rawmemchr(at, '\r');
		if (cr == at)
			return 0;
		if (ret->field_count == HTTP_FIELDS_MAX)
			return refuse(ret_why, bad_status == 502 ? 502 : 431, "too many fields");
		struct http_field *f = &ret->fields[ret->field_count];
		if (!parse_field((struct str){at, (size_t)(cr - at)}, f))
			return refuse(ret_why, bad_status, "a field line is malformed");
		ret->field_count++;
		at = cr + 2;
	}
}

/* What the framing and connection fields of a head say, gathered in one walk. */
struct summary {
	unsigned length_count, coding_count, host_count, upgrade_count;
	struct str length, coding, host;
	bool close, keep_alive, upgrade, expect_continue;
};

static void read_connection(struct str list, struct summary *s)
{
	struct str part;

	while (str_split(&list, ',', &part)) {
		part = str_trim(part);
		if (str_ieq(part, STR("close")))
			s->close = true;
		else if (str_ieq(part, STR("keep-alive")))
			s->keep_alive = true;
		else if (str_ieq(part, STR("upgrade")))
			s->upgrade = true;
	}
}

static void summarise(const struct http_head *head, struct summary *s)
{
	*s = (struct summary){0};
	for (size_t i = 0; i < head->field_count; i++) {
		const struct http_field *f = &head->fields[i];
		/* The length of the name decides which one it can be at all. */
		switch (f->name.len) {
		case 4:
			if (str_ieq(f->name, STR("host"))) {
				s->host = f->value;
				s->host_count++;
			}
			break;
		case 6:
			if (str_ieq(f->name, STR("expect")) &&
				str_ieq(f->value, STR("100-continue")))
				s->expect_continue = true;
			break;
		case 7:
			if (str_ieq(f->name, STR("upgrade")) && f->value.len > 0)
				s->upgrade_count++;
			break;
		case 10:
			if (str_ieq(f->name, STR("connection")))
				read_connection(f->value, s);
			break;
		case 14:
			if (str_ieq(f->name, STR("content-length"))) {
				s->length = f->value;
				s->length_count++;
			}
			break;
		case 17:
			if (str_ieq(f->name, STR("transfer-encoding"))) {
				s->coding = f->value;
				s->coding_count++;
			}
			break;
		default:
			break;
		}
	}
}

static void apply_connection(struct http_head *ret, const struct summary *s)
{
	ret->keep_alive = ret->minor >= 1 ? !s->close : s->keep_alive && !s->close;
	ret->upgrade = ret->minor >= 1 && s->upgrade && s->upgrade_count > 0;
	ret->expect_continue = ret->minor >= 1 && s->expect_continue;
}

/* Content-Length and Transfer-Encoding to a framing. Two statements about the framing, even equal
 * ones, are refused: another reader may take the other one (RFC 9112 §6.3, §11.2). */
static ssize_t apply_framing(
	struct http_head *ret, const struct summary *s, int bad_status, const char **ret_why)
{
	ret->framing = HTTP_BODY_NONE;
	ret->content_length = 0;
	if (s->coding_count + s->length_count > 1)
		return refuse(ret_why, bad_status, "the framing is stated more than once");
	if (s->coding_count == 1) {
		if (ret->minor == 0)
			return refuse(ret_why, bad_status, "transfer-encoding in HTTP/1.0");
		if (!str_ieq(s->coding, STR("chunked")))
			return refuse(ret_why, bad_status == 502 ? 502 : 501,
				"a transfer coding other than chunked");
		ret->framing = HTTP_BODY_CHUNKED;
	} else if (s->length_count == 1) {
		if (parse_u64(s->length, 0, INT64_MAX, &ret->content_length) < 0)
			return refuse(ret_why, bad_status, "content-length is not a number");
		ret->framing = HTTP_BODY_LENGTH;
	}
	return 0;
}

/* "http://host/path?x" to authority and rest; other schemes are not ours to serve. */
static bool split_absolute(struct str target, struct str *ret_authority, struct str *ret_rest)
{
	static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		struct str s = schemes[i];
		if (target.len <= s.len || !str_ieq((struct str){target.p, s.len}, s))
			continue;
		struct str rest = {target.p + s.len, target.len - s.len};
		size_t n = 0;
		while (n < rest.len && rest.p[n] != '/' && rest.p[n] != '?')
			n++;
		*ret_authority = (struct str){rest.p, n};
		*ret_rest = (struct str){rest.p + n, rest.len - n};
		return n > 0;
	}
	return false;
}

static void split_query(struct str target, struct http_head *ret)
{
	const char *mark = target.len > 0 ? memchr(target.p, '?', target.len) : NULL;
	size_t n = mark ? (size_t)(mark - target.p) : target.len;

	ret->path = n > 0 ? (struct str){target.p, n} : STR("/");
	ret->query = mark ? (struct str){mark + 1, target.len - n - 1} : (struct str){"", 0};
}

/* Splits the target into authority (only in absolute form), path and query. */
static ssize_t parse_target(struct http_head *ret, const char **ret_why)
{
	struct str t = ret->target;

	ret->host = (struct str){0};
	for (size_t i = 0; i < t.len; i++)
		if (!http_is_target_char(t.p[i]))
			return refuse(ret_why, 400, "the target has a character it cannot have");
	if (str_eq(ret->method, STR("CONNECT")))
		return refuse(ret_why, 501, "CONNECT is not offered here");
	if (t.p[0] == '/') {
		split_query(t, ret);
		return 0;
	}
	if (str_eq(t, STR("*")) && str_eq(ret->method, STR("OPTIONS"))) {
		ret->path = t;
		ret->query = (struct str){"", 0};
		return 0;
	}
	struct str rest;
	if (!split_absolute(t, &ret->host, &rest))
		return refuse(ret_why, 400, "the target is neither a path nor a URI");
	split_query(rest, ret);
	return 0;
}

/* "HTTP/1.x": 0 and the minor version, or a negative status. */
static ssize_t parse_version(struct str v, unsigned *ret_minor, const char **ret_why)
{
	if (v.len != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.' || !http_is_digit(v.p[5]) ||
		!http_is_digit(v.p[7]))
		return refuse(ret_why, 400, "the version is malformed");
	if (v.p[5] != '1')
		return refuse(ret_why, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	*ret_minor = v.p[7] == '0' ? 0 : 1;
	return 0;
}

static ssize_t parse_request_line(struct str line, struct http_head *ret, const char **ret_why)
{
	size_t n = 0;

	while (n < line.len && http_is_token_char(line.p[n]))
		n++;
	if (n == 0 || n == line.len || line.p[n] != ' ')
		return refuse(ret_why, 400, "the request line is malformed");
	if (n > METHOD_BYTES_MAX)
		return refuse(ret_why, 501, "the method is too long");
	ret->method = (struct str){line.p, n};
	struct str rest = {line.p + n + 1, line.len - n - 1};
	const char *space = rest.len > 0 ? memchr(rest.p, ' ', rest.len) : NULL;
	if (!space || space == rest.p)
		return refuse(ret_why, 400, "the request line is malformed");
	ret->target = (struct str){rest.p, (size_t)(space - rest.p)};
	if (ret->target.len > HTTP_TARGET_BYTES_MAX)
		return refuse(ret_why, 414, "the target is too long");
	ssize_t r = parse_version(
		(struct str){space + 1, rest.len - ret->target.len - 1}, &ret->minor, ret_why);
	return r < 0 ? r : parse_target(ret, ret_why);
}

/* Chooses the authority that routes and checks it; both forms must be well-formed. */
static ssize_t apply_host(struct http_head *ret, const struct summary *s, const char **ret_why)
{
	if (s->host_count > 1 || (s->host_count == 0 && ret->minor >= 1))
		return refuse(ret_why, 400, "exactly one Host field is needed");
	if (s->host_count == 1 && s->host.len > 0 && !http_authority_split(s->host, NULL, NULL))
		return refuse(ret_why, 400, "Host is malformed");
	if (ret->host.len > 0) {
		if (!http_authority_split(ret->host, NULL, NULL))
			return refuse(ret_why, 400, "the target's host is malformed");
	} else {
		ret->host = s->host_count > 0 ? s->host : STR("");
	}
	return 0;
}

/* The line is not whole yet: is it already too long, or hopeless? */
static ssize_t check_partial_line(const char *data, size_t len, const char **ret_why)
{
	if (!http_is_token_char(data[0]) && !(data[0] == '\r' && len == 1))
		return refuse(ret_why, 400, "the request line is malformed");
	if (len > LINE_BYTES_MAX)
		return refuse(ret_why, 414, "the request line is too long");
	return 0;
}

ssize_t http_parse_request(
	const char *data, size_t len, struct http_head *ret, const char **ret_why)
{
	size_t skip = 0;
	struct str line;
	struct summary s;

	while (len - skip >= 2 && data[skip] == '\r' && data[skip + 1] == '\n')
		skip += 2;
	if (len == skip)
		return len >= HTTP_HEAD_BYTES_MAX ? refuse(ret_why, 400, "only empty lines") : 0;
	int found = find_line(data + skip, len - skip, &line);
	if (found < 0)
		return refuse(ret_why, 400, "a line does not end in CRLF");
	if (found == 0)
		return check_partial_line(data + skip, len - skip, ret_why);
	ssize_t r = parse_request_line(line, ret, ret_why);
	if (r < 0)
		return r;
	size_t at = skip + line.len + 2;
	ssize_t end = find_end(data, at, len, 400, ret_why);
	if (end <= 0)
		return end;
	if ((r = parse_fields(data + at, ret, 400, ret_why)) < 0)
		return r;
	ret->status = 0;
	ret->reason = (struct str){0};
	summarise(ret, &s);
	if ((r = apply_host(ret, &s, ret_why)) < 0 ||
		(r = apply_framing(ret, &s, 400, ret_why)) < 0)
		return r;
	apply_connection(ret, &s);
	return end;
}

/* "HTTP/1.1 200 OK"; the reason and the space before it may be absent (RFC 9112 §4). */
static bool parse_status_line(struct str line, struct http_head *ret)
{
	const char *why;
	uint64_t status;

	if (line.len < 12 || line.p[8] != ' ' || (line.len > 12 && line.p[12] != ' ') ||
		parse_version((struct str){line.p, 8}, &ret->minor, &why) < 0 ||
		parse_u64((struct str){line.p + 9, 3}, 100, 599, &status) < 0)
		return false;
	ret->status = (unsigned)status;
	ret->reason =
		line.len > 13 ? (struct str){line.p + 13, line.len - 13} : (struct str){"", 0};
	for (size_t i = 0; i < ret->reason.len; i++)
		if (!http_is_value_char(ret->reason.p[i]))
			return false;
	return true;
}

ssize_t http_parse_response(const char *data, size_t len, struct str method, struct http_head *ret,
	const char **ret_why)
{
	struct str line;
	struct summary s;
	ssize_t r;

	if (len >= 1 && memcmp(data, "HTTP/", len < 5 ? len : 5) != 0)
		return refuse(ret_why, 502, "this is not an HTTP response");
	int found = find_line(data, len, &line);
	if (found < 0)
		return refuse(ret_why, 502, "a line does not end in CRLF");
	if (found == 0)
		return len > LINE_BYTES_MAX ? refuse(ret_why, 502, "the status line is too long")
					    : 0;
	if (!parse_status_line(line, ret))
		return refuse(ret_why, 502, "the status line is malformed");
	size_t at = line.len + 2;
	ssize_t end = find_end(data, at, len, 502, ret_why);
	if (end <= 0)
		return end;
	if ((r = parse_fields(data + at, ret, 502, ret_why)) < 0)
		return r;
	ret->method = ret->target = ret->host = ret->path = ret->query = (struct str){0};
	summarise(ret, &s);
	if ((r = apply_framing(ret, &s, 502, ret_why)) < 0)
		return r;
	apply_connection(ret, &s);
	if (str_eq(method, STR("HEAD")) || ret->status < 200 || ret->status == 204 ||
		ret->status == 304)
		ret->framing = HTTP_BODY_NONE;
	else if (ret->framing == HTTP_BODY_NONE)
		ret->framing = HTTP_BODY_UNTIL_CLOSE;
	return end;
}

const struct http_field *http_find(const struct http_head *head, const char *name)
{
	struct str wanted = str_from(name);

	for (size_t i = 0; i < head->field_count; i++)
		if (str_ieq(head->fields[i].name, wanted))
			return &head->fields[i];
	return NULL;
}

bool http_has_token(const struct http_head *head, const char *name, const char *token)
{
	struct str wanted = str_from(name), member = str_from(token), part;

	for (size_t i = 0; i < head->field_count; i++) {
		if (!str_ieq(head->fields[i].name, wanted))
			continue;
		struct str list = head->fields[i].value;
		while (str_split(&list, ',', &part))
			if (str_ieq(str_trim(part), member))
				return true;
	}
	return false;
}

static bool is_ipv6_char(char c)
{
	return http_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
	       c == '.';
}

static size_t host_length(struct str a)
{
	size_t n = 0;

	if (a.len > 0 && a.p[0] == '[') {
		n = 1;
		while (n < a.len && is_ipv6_char(a.p[n]))
			n++;
		return n < a.len && n > 1 && a.p[n] == ']' ? n + 1 : 0;
	}
	while (n < a.len && http_is_host_char(a.p[n]))
		n++;
	return n;
}

bool http_authority_split(struct str authority, struct str *ret_name, struct str *ret_port)
{
	size_t n = host_length(authority);
	uint64_t number;

	if (n == 0)
		return false;
	struct str port = {authority.p + n, authority.len - n};
	if (port.len > 0) {
		if (port.p[0] != ':')
			return false;
		port = (struct str){port.p + 1, port.len - 1};
		/* An empty port is the scheme's default (RFC 3986 §3.2.3). */
		if (port.len > 5 || (port.len > 0 && parse_u64(port, 0, UINT16_MAX, &number) < 0))
			return false;
	}
	if (ret_name)
		*ret_name = (struct str){authority.p, n};
	if (ret_port)
		*ret_port = port;
	return true;
}
