/* SPDX-License-Identifier: Apache-2.0
 *
 * libyaml's events to jansson values. Recursion is bounded by YAML_DEPTH_MAX, memory by the size of
 * the text and YAML_VALUES_MAX. This is the only file that knows libyaml.
 */
#include "lib/data/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <yaml.h>

#include "lib/base/parse.h"

#define KEY_BYTES_MAX 256

struct reader {
	yaml_parser_t parser;
	struct yaml *y;
	size_t values;
	struct err *err;
};

static void eventp(yaml_event_t *event)
{
	yaml_event_delete(event);
}
#define _cleanup_event_ _cleanup_(eventp)

/* The place belongs to a mark of libyaml, which counts from 0. */
static int error_at(struct reader *r, yaml_mark_t mark, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int error_at(struct reader *r, yaml_mark_t mark, const char *fmt, ...)
{
	char words[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	return err_set(r->err, EINVAL, "%s:%zu:%zu: %s", r->y->file, mark.line + 1, mark.column + 1,
		words);
}

/* libyaml's own words, made plainer where people meet them most. */
static int parser_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "is not YAML";

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(r->err, ENOMEM, "%s: out of memory", r->y->file);
	if (p->error == YAML_READER_ERROR) {
		/* Only an offset is known; lines are counted up to it. */
		yaml_mark_t mark = {.line = p->mark.line, .column = p->mark.column};
		return error_at(r, mark, "%s (byte %zu)", problem, p->problem_offset);
	}
	if (strstr(problem, "found character that cannot start any token"))
		problem =
			"a tab or another character that cannot start a value; indent with spaces";
	else if (strstr(problem, "mapping values are not allowed"))
		problem =
			"a ':' where none can be; check the indentation, or put the text in quotes";
	else if (strstr(problem, "could not find expected ':'"))
		problem = "a line without ':' where 'key: value' is expected";
	if (p->context && p->context_mark.line != p->problem_mark.line)
		return error_at(r, p->problem_mark, "%s (%s from line %zu)", problem, p->context,
			p->context_mark.line + 1);
	return error_at(r, p->problem_mark, "%s", problem);
}

static int next_event(struct reader *r, yaml_event_t *event)
{
	if (!yaml_parser_parse(&r->parser, event))
		return parser_error(r);
	return 0;
}

static void set_place(struct reader *r, const char *path, yaml_mark_t mark)
{
	if (map_get(&r->y->places, str_from(path)))
		return;
	struct yaml_place *place = xnew(struct yaml_place);
	place->line = (unsigned)mark.line + 1;
	place->column = (unsigned)mark.column + 1;
	(void)map_set(&r->y->places, str_from(path), place);
}

/* 42 and -7 are numbers; 007, 1.0 and 1e3 stay text, because they would not come back as written. */
static bool is_integer(const char *s)
{
	if (*s == '-')
		s++;
	size_t digits = strspn(s, "0123456789");
	return digits > 0 && digits <= 18 && s[digits] == '\0' && (s[0] != '0' || digits == 1);
}

static json_t *plain_scalar(const char *s, size_t len)
{
	if (len == 0 || streq(s, "~") || streq(s, "null"))
		return json_null();
	if (streq(s, "true"))
		return json_true();
	if (streq(s, "false"))
		return json_false();
	if (is_integer(s) && !streq(s, "-0"))
		return json_integer(strtoll(s, NULL, 10));
	return json_stringn(s, len);
}

static int read_scalar(struct reader *r, const yaml_event_t *event, json_t **ret)
{
	const char *s = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (event->data.scalar.tag)
		return error_at(r, event->start_mark, "tags such as %s are not supported",
			(const char *)event->data.scalar.tag);
	if (memchr(s, '\0', len))
		return error_at(r, event->start_mark, "a NUL byte in a value");
	*ret = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_scalar(s, len)
								   : json_stringn(s, len);
	if (!*ret)
		return error_at(r, event->start_mark, "the value is not valid UTF-8");
	return 0;
}

static int read_value(struct reader *r, const yaml_event_t *event, const char *path, unsigned depth,
	json_t **ret);

static int read_list(
	struct reader *r, const yaml_event_t *start, const char *path, unsigned depth, json_t **ret)
{
	_cleanup_(json_decrefp) json_t *list = json_array();

	if (start->data.sequence_start.tag)
		return error_at(r, start->start_mark, "tags are not supported");
	for (size_t i = 0;; i++) {
		_cleanup_event_ yaml_event_t event = {0};
		int e = next_event(r, &event);
		if (e < 0)
			return e;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			break;
		_cleanup_free_ char *item = xasprintf("%s[%zu]", path, i);
		set_place(r, item, event.start_mark);
		json_t *value = NULL;
		e = read_value(r, &event, item, depth + 1, &value);
		if (e < 0)
			return e;
		must(json_array_append_new(list, value) == 0);
	}
	*ret = take_ptr(list);
	return 0;
}

/* A key must be a plain or quoted scalar that the mapping does not have yet. */
static int check_key(struct reader *r, const yaml_event_t *event, const json_t *map)
{
	if (event->type != YAML_SCALAR_EVENT)
		return error_at(
			r, event->start_mark, "a key must be a word, not a list or a mapping");
	const char *key = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	if (event->data.scalar.tag)
		return error_at(r, event->start_mark, "tags are not supported");
	if (len == 0 || len > KEY_BYTES_MAX || memchr(key, '\0', len))
		return error_at(
			r, event->start_mark, "a key must have 1 to %d characters", KEY_BYTES_MAX);
	if (json_object_get(map, key))
		return error_at(r, event->start_mark, "\"%s\" is given twice", key);
	return 0;
}

static int read_map(
	struct reader *r, const yaml_event_t *start, const char *path, unsigned depth, json_t **ret)
{
	_cleanup_(json_decrefp) json_t *map = json_object();

	if (start->data.mapping_start.tag)
		return error_at(r, start->start_mark, "tags are not supported");
	for (;;) {
		_cleanup_event_ yaml_event_t key = {0}, event = {0};
		int e = next_event(r, &key);
		if (e < 0)
			return e;
		if (key.type == YAML_MAPPING_END_EVENT)
			break;
		if (key.type == YAML_ALIAS_EVENT)
			return read_value(r, &key, path, depth + 1, ret); /* refuses it */
		e = check_key(r, &key, map);
		if (e < 0)
			return e;
		const char *name = (const char *)key.data.scalar.value;
		_cleanup_free_ char *member = xasprintf("%s%s%s", path, *path ? "." : "", name);
		set_place(r, member, key.start_mark);
		e = next_event(r, &event);
		if (e < 0)
			return e;
		json_t *value = NULL;
		e = read_value(r, &event, member, depth + 1, &value);
		if (e < 0)
			return e;
		if (json_object_set_new(map, name, value) < 0)
			return error_at(r, key.start_mark, "the key is not valid UTF-8");
	}
	*ret = take_ptr(map);
	return 0;
}

static int read_value(
	struct reader *r, const yaml_event_t *event, const char *path, unsigned depth, json_t **ret)
{
	if (depth > YAML_DEPTH_MAX)
		return error_at(
			r, event->start_mark, "nested more than %d levels deep", YAML_DEPTH_MAX);
	if (++r->values > YAML_VALUES_MAX)
		return error_at(r, event->start_mark, "more than %d values", YAML_VALUES_MAX);
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(r, event, ret);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return read_list(r, event, path, depth, ret);
	if (event->type == YAML_MAPPING_START_EVENT)
		return read_map(r, event, path, depth, ret);
	if (event->type == YAML_ALIAS_EVENT)
		return error_at(r, event->start_mark,
			"aliases (*%s) are not supported: write the value out",
			(const char *)event->data.alias.anchor);
	return error_at(r, event->start_mark, "a value is expected");
}

/* stream start, document start, the value, document end, stream end. */
static int read_stream(struct reader *r)
{
	for (;;) {
		_cleanup_event_ yaml_event_t event = {0};
		int e = next_event(r, &event);
		if (e < 0)
			return e;
		if (event.type == YAML_STREAM_END_EVENT)
			return 0;
		if (event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_END_EVENT)
			continue;
		if (event.type == YAML_DOCUMENT_START_EVENT) {
			if (r->y->root)
				return error_at(
					r, event.start_mark, "a second document; only one is read");
			continue;
		}
		set_place(r, "", event.start_mark);
		e = read_value(r, &event, "", 1, &r->y->root);
		if (e < 0)
			return e;
	}
}

int yaml_doc_parse(
	const char *file, const char *text, size_t len, struct yaml **ret, struct err *err)
{
	_cleanup_(yaml_doc_freep) struct yaml *y = xnew(struct yaml);
	struct reader r = {.y = y, .err = err};

	y->file = xstrdup(file);
	map_init(&y->places);
	if (len > YAML_BYTES_MAX)
		return err_set(err, EFBIG, "%s is larger than the limit of 1 MB", file);
	if (!yaml_parser_initialize(&r.parser))
		return err_set(err, ENOMEM, "%s: out of memory", file);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	int e = read_stream(&r);
	yaml_parser_delete(&r.parser);
	if (e < 0)
		return e;
	if (!y->root)
		y->root = json_null();
	*ret = take_ptr(y);
	return 0;
}

void yaml_doc_free(struct yaml *y)
{
	if (!y)
		return;
	map_for_each (e, &y->places)
		free(e->value);
	map_free(&y->places);
	json_decref(y->root);
	free(y->file);
	free(y);
}

const struct yaml_place *yaml_doc_place(const struct yaml *y, const char *path)
{
	return map_get(&y->places, str_from(path));
}

/* The place of `path`, or of what it is in. */
static const struct yaml_place *nearest_place(const struct yaml *y, const char *path)
{
	_cleanup_free_ char *at = xstrdup(path);

	for (;;) {
		const struct yaml_place *place = yaml_doc_place(y, at);
		if (place || *at == '\0')
			return place;
		char *cut = at + strlen(at) - 1;
		while (cut > at && *cut != '.' && *cut != '[')
			cut--;
		*cut = '\0';
	}
}

int yaml_doc_error(const struct yaml *y, const char *path, struct err *err, const char *fmt, ...)
{
	char words[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	const char *colon = *path ? ": " : "";
	if (!y)
		return err_set(err, EINVAL, "%s%s%s", path, colon, words);
	const struct yaml_place *place = nearest_place(y, path);
	if (!place)
		return err_set(err, EINVAL, "%s: %s%s%s", y->file, path, colon, words);
	return err_set(err, EINVAL, "%s:%u:%u: %s%s%s", y->file, place->line, place->column, path,
		colon, words);
}
