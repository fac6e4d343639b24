/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to numbers, and back to words.
 */
#include "lib/base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int parse_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -ERANGE;
	}
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_unsigned(const char *s, unsigned min, unsigned max, unsigned *ret)
{
	uint64_t v;
	int r = parse_u64(str_from(s), min, max, &v);
	if (r == 0)
		*ret = (unsigned)v;
	return r;
}

struct unit {
	const char *suffix;
	uint64_t factor;
};

static int parse_scaled(const char *s, const struct unit *units, size_t n, uint64_t *ret)
{
	size_t digits = strspn(s, "0123456789");
	uint64_t v;
	int r = parse_u64((struct str){s, digits}, 0, UINT64_MAX, &v);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(s + digits, units[i].suffix) != 0)
			continue;
		if (__builtin_mul_overflow(v, units[i].factor, &v))
			return -ERANGE;
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

int parse_size(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{"", 1},
		{"B", 1},
		{"K", 1024},
		{"KB", 1024},
		{"KiB", 1024},
		{"M", 1 << 20},
		{"MB", 1 << 20},
		{"MiB", 1 << 20},
		{"G", 1 << 30},
		{"GB", 1 << 30},
		{"GiB", 1 << 30},
		{"T", 1ULL << 40},
		{"TB", 1ULL << 40},
		{"TiB", 1ULL << 40},
	};
	return parse_scaled(s, units, ARRAY_SIZE(units), ret_bytes);
}

int parse_duration(const char *s, uint64_t *ret_ms)
{
	static const struct unit units[] = {
		{"", 1000},
		{"ms", 1},
		{"s", 1000},
		{"m", 60000},
		{"min", 60000},
		{"h", 3600000},
		{"d", 86400000},
	};
	return parse_scaled(s, units, ARRAY_SIZE(units), ret_ms);
}

int parse_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void format_size(uint64_t bytes, char *to, size_t size)
{
	static const char *const names[] = {"B", "KB", "MB", "GB", "TB"};
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1024 && i + 1 < ARRAY_SIZE(names)) {
		v /= 1024;
		i++;
	}
	(void)snprintf(to, size, i > 0 && v < 10 ? "%.1f %s" : "%.0f %s", v, names[i]);
}

void format_duration(uint64_t ms, char *to, size_t size)
{
	if (ms < 1000)
		(void)snprintf(to, size, "%" PRIu64 "ms", ms);
	else if (ms < 60000)
		(void)snprintf(to, size, "%.1fs", (double)ms / 1000);
	else if (ms < 3600000)
		(void)snprintf(to, size, "%" PRIu64 "m%02" PRIu64 "s", ms / 60000, ms / 1000 % 60);
	else
		(void)snprintf(
			to, size, "%" PRIu64 "h%02" PRIu64 "m", ms / 3600000, ms / 60000 % 60);
}
