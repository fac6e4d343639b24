/* SPDX-License-Identifier: Apache-2.0
 *
 * struct str: a view of bytes that somebody else owns; not NUL-terminated. Parsers answer with
 * views into the buffer they read.
 */
#ifndef BERTH_BASE_STR_H
#define BERTH_BASE_STR_H

#include <stdbool.h>

#include "lib/base/base.h"

struct str {
	const char *p;
	size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).p

static inline struct str str_from(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b); /* ASCII letters without case */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s); /* without SP and HTAB at both ends */

/* Takes the part before the first `sep` off the front of *rest; false when *rest is exhausted.
 * "a,,b" gives "a", "", "b"; an empty string gives nothing. */
bool str_split(struct str *rest, char sep, struct str *ret_part);

/* A NUL-terminated copy, owned by the caller. */
char *str_dup(struct str s) WARN_UNUSED NEVER_NULL;

/* Copies into a fixed array; -ENAMETOOLONG and an empty string when it does not fit. */
int str_copy(char *to, size_t size, struct str s) WARN_UNUSED;

bool streq(const char *a, const char *b); /* NULL equals only NULL */
bool has_prefix(const char *s, const char *prefix);
bool has_suffix(const char *s, const char *suffix);

/* The candidate closest to `word` for "did you mean"; NULL when none is near. */
const char *str_nearest(const char *word, const char *const *candidates, size_t n);

#endif
