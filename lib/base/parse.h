/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers, sizes and durations from text. Whole strings only: no leading space, no sign, no rest.
 * All return 0, -EINVAL (not a number of that kind) or -ERANGE (outside the bounds).
 */
#ifndef BERTH_BASE_PARSE_H
#define BERTH_BASE_PARSE_H

#include "lib/base/str.h"

int parse_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret);
int parse_unsigned(const char *s, unsigned min, unsigned max, unsigned *ret);

/* "512M", "1G", "64K", "1048576", "1.5G" is refused; 1024-based; result in bytes. */
int parse_size(const char *s, uint64_t *ret_bytes);

/* "250ms", "30s", "5m", "2h", "1d"; a bare number is seconds; result in milliseconds. */
int parse_duration(const char *s, uint64_t *ret_ms);

/* The value of a hexadecimal digit in either case; -1: it is none. */
int parse_hex_digit(char c);

/* Human forms for messages: "512 MB" style sizes and "1.2s" style durations. */
void format_size(uint64_t bytes, char *to, size_t size);
void format_duration(uint64_t ms, char *to, size_t size);

#endif
