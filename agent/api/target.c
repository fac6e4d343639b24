/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths, patterns and queries.
 */
#include "agent/api/target.h"

#include <errno.h>

#include "lib/base/parse.h"

/* Takes the next segment off "/a/b"; false at the end. */
static bool next_segment(struct str *path, struct str *ret)
{
	if (path->len == 0 || path->p[0] != '/')
		return false;
	const char *start = path->p + 1, *end = path->p + path->len;
	const char *slash = memchr(start, '/', (size_t)(end - start));
	if (!slash)
		slash = end;
	*ret = (struct str){start, (size_t)(slash - start)};
	*path = (struct str){slash, (size_t)(end - slash)};
	return true;
}

/* "{app}.git": the parameter's name and what stands behind it. */
static bool is_parameter(struct str segment, struct str *ret_name, struct str *ret_suffix)
{
	const char *close;

	if (segment.len < 3 || segment.p[0] != '{')
		return false;
	close = memchr(segment.p, '}', segment.len);
	must(close);
	*ret_name = (struct str){segment.p + 1, (size_t)(close - segment.p - 1)};
	*ret_suffix = (struct str){close + 1, segment.len - (size_t)(close + 1 - segment.p)};
	return true;
}

bool target_has_shape(const char *pattern, struct str path)
{
	struct str rest = str_from(pattern), want, have, name, suffix;

	while (next_segment(&rest, &want)) {
		if (!next_segment(&path, &have))
			return false;
		if (!is_parameter(want, &name, &suffix)) {
			if (!str_eq(want, have))
				return false;
		} else if (have.len <= suffix.len || !str_ends(have, suffix)) {
			return false;
		}
	}
	return path.len == 0;
}

/* Percent-decodes into `to`; -EINVAL for a bad escape, a hidden '/', a control character. */
static int decode(struct str from, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < from.len; i++) {
		char c = from.p[i];
		if (c == '%') {
			int high = i + 2 < from.len ? parse_hex_digit(from.p[i + 1]) : -1;
			int low = i + 2 < from.len ? parse_hex_digit(from.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high * 16 + low);
			if (c == '/')
				return -EINVAL;
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return -EINVAL;
		if (n + 1 >= size)
			return -ENAMETOOLONG;
		to[n++] = c;
	}
	to[n] = '\0';
	return 0;
}

static int check_digits(const char *value, struct err *err)
{
	uint64_t n;
	if (parse_u64(str_from(value), 1, INT64_MAX, &n) < 0)
		return err_set(err, EINVAL, "id '%.40s' is not a number", value);
	return 0;
}

static int check_token_id(const char *value, struct err *err)
{
	if (strlen(value) != 16 || value[strspn(value, "0123456789abcdef")] != '\0')
		return err_set(err, EINVAL, "token id '%.40s' is not 16 hexadecimal digits", value);
	return 0;
}

static int check_parameter(struct str name, const char *value, struct err *err)
{
	if (str_eq(name, STR("app")))
		return ident_check_app(value, err);
	if (str_eq(name, STR("id")))
		return check_digits(value, err);
	if (str_eq(name, STR("token")))
		return check_token_id(value, err);
	must(str_eq(name, STR("domain")));
	return ident_check_domain(value, true, err);
}

int target_read_params(
	const char *pattern, struct str path, struct target_params *ret, struct err *err)
{
	struct str rest = str_from(pattern), want, have, name, suffix;
	size_t n = 0;

	while (next_segment(&rest, &want)) {
		must(next_segment(&path, &have));
		if (!is_parameter(want, &name, &suffix))
			continue;
		must(n < TARGET_PARAMS_MAX);
		char value[TARGET_VALUE_MAX] = "";
		have.len -= suffix.len;
		if (decode(have, value, sizeof value) < 0)
			return err_set(err, EINVAL, "the path has a bad " STR_FMT, STR_ARG(name));
		int r = check_parameter(name, value, err);
		if (r < 0)
			return r;
		memcpy(ret->values[n], value, sizeof value);
		n++;
	}
	return 0;
}

static bool is_listed(const char *known, const char *name)
{
	struct str rest = str_from(known), one;

	while (str_split(&rest, ',', &one))
		if (str_eq(one, str_from(name)))
			return true;
	return false;
}

static int read_member(const char *known, struct str part, struct target_query *q, struct err *err)
{
	const char *equals = memchr(part.p, '=', part.len);
	size_t name_len = equals ? (size_t)(equals - part.p) : part.len;
	struct str value = {
		part.p + name_len + (equals ? 1 : 0), equals ? part.len - name_len - 1 : 0};
	char name[sizeof q->members[0].name] = "";

	if (decode((struct str){part.p, name_len}, name, sizeof name) < 0 ||
		!is_listed(known, name))
		return err_set(err, EINVAL, "unknown query parameter '%.*s'",
			(int)(name_len < 40 ? name_len : 40), part.p);
	if (target_query_get(q, name))
		return err_set(err, EINVAL, "query parameter '%s' is there twice", name);
	if (q->count == TARGET_QUERY_MAX ||
		decode(value, q->members[q->count].value, sizeof q->members[0].value) < 0)
		return err_set(err, EINVAL, "query parameter '%s' has a bad value", name);
	must(str_copy(q->members[q->count].name, sizeof name, str_from(name)) == 0);
	q->count++;
	return 0;
}

int target_read_query(
	const char *known, struct str query, struct target_query *ret, struct err *err)
{
	struct str part;

	ret->count = 0;
	while (str_split(&query, '&', &part)) {
		int r = part.len == 0 ? 0 : read_member(known, part, ret, err);
		if (r < 0)
			return r;
	}
	return 0;
}

const char *target_query_get(const struct target_query *q, const char *name)
{
	for (size_t i = 0; i < q->count; i++)
		if (streq(q->members[i].name, name))
			return q->members[i].value;
	return NULL;
}

int target_query_unsigned(const struct target_query *q, const char *name, unsigned max,
	unsigned otherwise, unsigned *ret, struct err *err)
{
	const char *value = target_query_get(q, name);

	if (!value)
		*ret = otherwise;
	else if (parse_unsigned(value, 0, max, ret) < 0)
		return err_set(err, EINVAL, "query parameter '%s' must be a number from 0 to %u",
			name, max);
	return 0;
}
