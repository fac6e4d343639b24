/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte ranges.
 */
#include "proxy/static_range.h"

#include <errno.h>

#include "lib/base/parse.h"

/* A position; one that no 64 bits hold is as good as the largest. False when it is no number. */
static bool read_position(struct str s, uint64_t *ret)
{
	int r = parse_u64(s, 0, UINT64_MAX, ret);
	if (r == -ERANGE) {
		/* parse_u64 stops at the digit that overflows: what follows must be digits as well. */
		for (size_t i = 0; i < s.len; i++)
			if (s.p[i] < '0' || s.p[i] > '9')
				return false;
		*ret = UINT64_MAX;
		return true;
	}
	return r == 0;
}

static enum static_range read_suffix(
	struct str s, uint64_t size, uint64_t *ret_offset, uint64_t *ret_length)
{
	uint64_t n;

	if (!read_position(s, &n))
		return STATIC_RANGE_WHOLE;
	if (n == 0)
		return STATIC_RANGE_UNSATISFIABLE;
	/* Nothing of an empty file is a valid suffix, but no Content-Range can say so. */
	if (size == 0)
		return STATIC_RANGE_WHOLE;
	*ret_length = n < size ? n : size;
	*ret_offset = size - *ret_length;
	return STATIC_RANGE_PART;
}

enum static_range static_range_parse(
	struct str field, uint64_t size, uint64_t *ret_offset, uint64_t *ret_length)
{
	struct str unit = {field.p, field.len < 6 ? field.len : 6};
	uint64_t first, last = UINT64_MAX;

	if (!str_ieq(unit, STR("bytes=")))
		return STATIC_RANGE_WHOLE;
	struct str set = str_trim((struct str){field.p + 6, field.len - 6});
	const char *dash = set.len > 0 ? memchr(set.p, '-', set.len) : NULL;
	if (!dash)
		return STATIC_RANGE_WHOLE;
	struct str before = {set.p, (size_t)(dash - set.p)};
	struct str behind = {dash + 1, set.len - before.len - 1};
	if (before.len == 0)
		return read_suffix(behind, size, ret_offset, ret_length);
	if (!read_position(before, &first) || (behind.len > 0 && !read_position(behind, &last)) ||
		last < first)
		return STATIC_RANGE_WHOLE;
	if (first >= size)
		return STATIC_RANGE_UNSATISFIABLE;
	if (last >= size)
		last = size - 1;
	*ret_offset = first;
	*ret_length = last - first + 1;
	return STATIC_RANGE_PART;
}
