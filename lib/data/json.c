/* SPDX-License-Identifier: Apache-2.0
 *
 * Table-driven reading of JSON objects.
 */
#include "lib/data/json.h"

#include <errno.h>
#include <inttypes.h>

#include "lib/base/parse.h"
#include "lib/base/str.h"

int json_parse_object(const char *what, const char *text, size_t len, json_t **ret, struct err *err)
{
	json_error_t e;
	json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);

	if (!value)
		return err_set(err, EINVAL, "%s is not valid JSON: line %d, column %d: %s", what,
			e.line, e.column, e.text);
	if (!json_is_object(value)) {
		json_decref(value);
		return err_set(err, EINVAL, "%s must be a JSON object", what);
	}
	*ret = value;
	return 0;
}

char *json_path(const char *path, const char *key)
{
	return xasprintf("%s%s%s", path, *path ? "." : "", key);
}

char *json_line(const json_t *value)
{
	char *line = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	must(line);
	return line;
}

struct place {
	const struct yaml *y;
	const char *path;
	struct err *err;
};

static int wrong_type(const struct place *at, const json_t *value, const char *want)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "a mapping",
		[JSON_ARRAY] = "a list",
		[JSON_STRING] = "text",
		[JSON_INTEGER] = "a number",
		[JSON_REAL] = "a number with a fraction",
		[JSON_TRUE] = "true",
		[JSON_FALSE] = "false",
		[JSON_NULL] = "nothing",
	};
	return yaml_doc_error(
		at->y, at->path, at->err, "must be %s, not %s", want, names[json_typeof(value)]);
}

static int read_text(const struct place *at, const struct json_member *m, json_t *value)
{
	if (!json_is_string(value))
		return wrong_type(at, value, "text; put it in quotes");
	size_t len = json_string_length(value);
	if (len < m->min)
		return yaml_doc_error(at->y, at->path, at->err, "must not be empty");
	if (m->max > 0 && len > m->max)
		return yaml_doc_error(at->y, at->path, at->err,
			"is longer than the limit of %" PRIu64 " characters", m->max);
	if (m->to)
		*(const char **)m->to = json_string_value(value);
	return 0;
}

/* How the limits of a kind of number are written. */
typedef void (*format_limit)(uint64_t v, char *to, size_t size);

static void format_plain(uint64_t v, char *to, size_t size)
{
	(void)snprintf(to, size, "%" PRIu64, v);
}

static int take_number(
	const struct place *at, const struct json_member *m, uint64_t v, format_limit format)
{
	char min[32], max[32];

	if (v >= m->min && (m->max == 0 || v <= m->max)) {
		if (m->to)
			*(uint64_t *)m->to = v;
		return 0;
	}
	format(m->min, min, sizeof min);
	format(m->max, max, sizeof max);
	if (m->max == 0)
		return yaml_doc_error(at->y, at->path, at->err, "must be at least %s", min);
	return yaml_doc_error(at->y, at->path, at->err, "must be between %s and %s", min, max);
}

static int read_unsigned(const struct place *at, const struct json_member *m, const json_t *value)
{
	if (!json_is_integer(value))
		return wrong_type(at, value, "a whole number");
	if (json_integer_value(value) < 0)
		return yaml_doc_error(at->y, at->path, at->err, "must not be negative");
	return take_number(at, m, (uint64_t)json_integer_value(value), format_plain);
}

static int read_bytes(const struct place *at, const struct json_member *m, const json_t *value)
{
	uint64_t v = 0;

	if (json_is_integer(value) && json_integer_value(value) >= 0)
		v = (uint64_t)json_integer_value(value);
	else if (!json_is_string(value) || parse_size(json_string_value(value), &v) < 0)
		return yaml_doc_error(at->y, at->path, at->err, "is not a size; write 512M or 2G");
	return take_number(at, m, v, format_size);
}

static int read_milliseconds(
	const struct place *at, const struct json_member *m, const json_t *value)
{
	uint64_t v = 0;

	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
		json_integer_value(value) < INT32_MAX)
		v = (uint64_t)json_integer_value(value) * 1000;
	else if (!json_is_string(value) || parse_duration(json_string_value(value), &v) < 0)
		return yaml_doc_error(
			at->y, at->path, at->err, "is not a duration; write 30s or 5m");
	return take_number(at, m, v, format_duration);
}

static int read_container(const struct place *at, const struct json_member *m, json_t *value)
{
	if (m->want == JSON_MAP && !json_is_object(value))
		return wrong_type(at, value, "a mapping");
	if (m->want == JSON_LIST && !json_is_array(value))
		return wrong_type(at, value, "a list");
	if (m->want == JSON_LIST && m->max > 0 && json_array_size(value) > m->max)
		return yaml_doc_error(
			at->y, at->path, at->err, "has more than %" PRIu64 " entries", m->max);
	if (m->to)
		*(json_t **)m->to = value;
	return 0;
}

static int read_member(const struct place *at, const struct json_member *m, json_t *value)
{
	switch (m->want) {
	case JSON_TEXT:
		return read_text(at, m, value);
	case JSON_UNSIGNED:
		return read_unsigned(at, m, value);
	case JSON_BYTES:
		return read_bytes(at, m, value);
	case JSON_MILLISECONDS:
		return read_milliseconds(at, m, value);
	case JSON_FLAG:
		if (!json_is_boolean(value))
			return wrong_type(at, value, "true or false");
		if (m->to)
			*(bool *)m->to = json_is_true(value);
		return 0;
	case JSON_MAP:
	case JSON_LIST:
	case JSON_ANY:
		return read_container(at, m, value);
	}
	must(false); /* not a json_want */
	return -EINVAL;
}

static int unknown_member(
	const struct place *at, const char *key, const struct json_member *members, size_t n)
{
	const char *names[64];

	must(n <= ARRAY_SIZE(names));
	for (size_t i = 0; i < n; i++)
		names[i] = members[i].key;
	const char *near = str_nearest(key, names, n);
	/* The place is the member's, the words name it: the path stays that of the object. */
	_cleanup_free_ char *path = json_path(at->path, key);
	if (near)
		return yaml_doc_error(
			at->y, path, at->err, "is not known; did you mean \"%s\"?", near);
	return yaml_doc_error(at->y, path, at->err, "is not known");
}

static const struct json_member *find_member(
	const struct json_member *members, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (streq(members[i].key, key))
			return &members[i];
	return NULL;
}

static bool is_extension(const struct yaml *y, const char *key)
{
	return y && has_prefix(key, "x-");
}

int json_members(const json_t *object, const struct json_member *members, size_t n,
	const struct yaml *y, const char *path, struct err *err)
{
	const struct place whole = {y, path, err};
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return wrong_type(&whole, object, "a mapping");
	/* jansson has no const iteration; nothing is changed. */
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		if (is_extension(y, key))
			continue;
		const struct json_member *m = find_member(members, n, key);
		if (!m)
			return unknown_member(&whole, key, members, n);
		_cleanup_free_ char *at_path = json_path(path, key);
		const struct place at = {y, at_path, err};
		if (m->refused)
			return yaml_doc_error(y, at_path, err, "%s", m->refused);
		if (json_is_null(value))
			continue;
		int r = read_member(&at, m, value);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(object, members[i].key);
		if (members[i].required && (!v || json_is_null(v)))
			return yaml_doc_error(y, path, err, "\"%s\" is missing", members[i].key);
	}
	return 0;
}
