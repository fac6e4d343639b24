/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON objects to C variables by a table: what a member is called, what it must be, where it goes.
 * Unknown members are errors with a "did you mean". Manifest, plans and the API read with this.
 *
 *	const char *name = NULL;
 *	uint64_t memory = 0;
 *	const struct json_member members[] = {
 *		{"name", JSON_TEXT, .required = true, .max = 40, .to = &name},
 *		{"memory", JSON_SIZE, .to = &memory},
 *	};
 *	r = json_members(object, members, ARRAY_SIZE(members), NULL, "", err);
 *
 * Variables of members that are absent or null keep their value: set the default first.
 */
#ifndef BERTH_DATA_JSON_H
#define BERTH_DATA_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/data/yaml.h"

enum json_want {
	JSON_TEXT, /* const char **, borrowed from the object; min and max are its bytes */
	JSON_UNSIGNED, /* uint64_t *; min and max are its value */
	JSON_FLAG, /* bool * */
	JSON_BYTES, /* uint64_t *: 1048576 or "512M" */
	JSON_MILLISECONDS, /* uint64_t *: "30s", or a bare number of seconds */
	JSON_MAP, /* json_t **, borrowed */
	JSON_LIST, /* json_t **, borrowed; max is its length */
	JSON_ANY, /* json_t **, borrowed */
};

struct json_member {
	const char *key;
	enum json_want want;
	bool required;
	uint64_t min, max; /* max 0: no limit */
	void *to; /* NULL: only checked */
	const char *refused; /* not NULL: the member is an error with these words */
};

/* Reads text as one JSON object: duplicate members, NUL in strings and trailing text are errors
 * that begin with `what` ("the request body"). */
int json_parse_object(
	const char *what, const char *text, size_t len, json_t **ret, struct err *err);

/* Checks and copies the members of `object`. `y` (may be NULL) and `path` ("" for the root) are
 * where errors say it is. Members that begin with "x-" are ignored in YAML. */
int json_members(const json_t *object, const struct json_member *members, size_t n,
	const struct yaml *y, const char *path, struct err *err);

/* "path.key" or "key"; owned by the caller. */
char *json_path(const char *path, const char *key);

/* One compact line, owned by the caller. */
char *json_line(const json_t *value);

#endif
