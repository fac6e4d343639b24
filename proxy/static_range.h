/* SPDX-License-Identifier: Apache-2.0
 *
 * The Range field (RFC 9110 §14) of one representation. Pure.
 */
#ifndef BERTH_PROXY_STATIC_RANGE_H
#define BERTH_PROXY_STATIC_RANGE_H

#include "lib/base/str.h"

enum static_range {
	STATIC_RANGE_WHOLE, /* no range to honour: send everything */
	STATIC_RANGE_PART,
	STATIC_RANGE_UNSATISFIABLE,
};

/* Reads "bytes=first-last", "bytes=first-" or "bytes=-suffix" for a file of `size` bytes. Another
 * unit, a malformed set and a set of several ranges are ignored (§14.2 allows it): they cost more
 * than they give, and many tiny ones are an attack. */
enum static_range static_range_parse(
	struct str field, uint64_t size, uint64_t *ret_offset, uint64_t *ret_length);

#endif
