/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation that cannot fail, and the end of the line for broken invariants.
 */
#include "lib/base/base.h"

#include <stdarg.h>
#include <stdio.h>

void must_failed(const char *expr, const char *file, int line)
{
	(void)fprintf(stderr, "<2>bug: %s is not true (%s:%d)\n", expr, file, line);
	abort();
}

static void *check(void *p)
{
	if (!p) {
		static const char words[] = "<2>out of memory\n";
		(void)!write(STDERR_FILENO, words, sizeof words - 1);
		abort();
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return check(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n, size_t size)
{
	return check(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return check(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return check(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return check(n < 0 ? NULL : s);
}
