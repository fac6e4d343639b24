/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML text as a JSON value, with the place of every value in its file, so that whoever judges the
 * value can say file:line:column. The narrow YAML that people write in configuration files: no
 * tags, no aliases, one document, string keys, each key once. It judges no meaning.
 *
 * Plain scalars become numbers, booleans or null only in the one spelling that can be written back
 * unchanged (42, true, null); everything else, such as 1.10, 0755 or yes, stays the text it was.
 */
#ifndef BERTH_DATA_YAML_H
#define BERTH_DATA_YAML_H

#include <jansson.h>

#include "lib/base/err.h"
#include "lib/base/map.h"

#define YAML_BYTES_MAX (1u << 20)
#define YAML_DEPTH_MAX 20
#define YAML_VALUES_MAX 20000

struct yaml {
	char *file; /* as errors name it */
	json_t *root; /* json_null() when the text is empty or only comments */
	struct map places; /* "processes.web.memory" -> struct yaml_place */
};

struct yaml_place {
	unsigned line, column; /* of the key, from 1; of the value in a list */
};

/* Parses `len` bytes; `file` is copied. Errors read "berth.yaml:3:1: ...". */
int yaml_doc_parse(
	const char *file, const char *text, size_t len, struct yaml **ret, struct err *err);
void yaml_doc_free(struct yaml *y); /* accepts NULL */

/* The place of a path: members joined by '.', list items as "[0]"; NULL when there is none. */
const struct yaml_place *yaml_doc_place(const struct yaml *y, const char *path);

/* EINVAL with "file:line:column: path: words"; the place is that of the nearest known parent. A
 * NULL `y` (the value came from elsewhere) leaves the place out, an empty path the path. */
int yaml_doc_error(const struct yaml *y, const char *path, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

static inline void yaml_doc_freep(struct yaml **y)
{
	yaml_doc_free(*y);
}

#endif
