/* SPDX-License-Identifier: Apache-2.0
 *
 * String views.
 */
#include "lib/base/str.h"

#include <errno.h>
#include <stdio.h>

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_ieq(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.p + s.len - suffix.len, suffix.p, suffix.len) == 0);
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool str_split(struct str *rest, char sep, struct str *ret_part)
{
	if (!rest->p || rest->len == 0)
		return false;
	const char *at = memchr(rest->p, sep, rest->len);
	if (!at) {
		*ret_part = *rest;
		*rest = (struct str){0};
		return true;
	}
	size_t n = (size_t)(at - rest->p);
	*ret_part = (struct str){rest->p, n};
	*rest = (struct str){at + 1, rest->len - n - 1};
	return true;
}

char *str_dup(struct str s)
{
	char *copy = xcalloc(s.len + 1, 1);
	if (s.len > 0)
		memcpy(copy, s.p, s.len);
	return copy;
}

int str_copy(char *to, size_t size, struct str s)
{
	must(size > 0);
	to[0] = '\0';
	if (s.len >= size)
		return -ENAMETOOLONG;
	if (s.len > 0)
		memcpy(to, s.p, s.len);
	to[s.len] = '\0';
	return 0;
}

bool streq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool has_suffix(const char *s, const char *suffix)
{
	return str_ends(str_from(s), str_from(suffix));
}

#define NEAREST_WORD_MAX 48

/* Levenshtein distance of two short words, over one row. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAREST_WORD_MAX + 1];
	size_t alen = strlen(a), blen = strlen(b);

	for (size_t j = 0; j <= blen; j++)
		row[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			size_t cost = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
			diagonal = row[j];
			if (row[j] + 1 < cost)
				cost = row[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			row[j] = cost;
		}
	}
	return row[blen];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	size_t len = strlen(word);
	size_t limit = len < 4 ? 1 : 2;

	if (len > NEAREST_WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strlen(candidates[i]) > NEAREST_WORD_MAX)
			continue;
		size_t d = distance(word, candidates[i]);
		if (d <= limit) {
			best = candidates[i];
			if (d == 0)
				break;
			limit = d - 1;
		}
	}
	return best;
}
