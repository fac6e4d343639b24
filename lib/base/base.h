/* SPDX-License-Identifier: Apache-2.0
 *
 * The few macros that every file may use: assertions that stay on in release builds, cleanup
 * attributes, ownership hand-over. No types of the project live here.
 */
#ifndef BERTH_BASE_BASE_H
#define BERTH_BASE_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define WARN_UNUSED __attribute__((warn_unused_result))
#define NEVER_NULL __attribute__((returns_nonnull))

/* must(): an invariant of ours. Programming errors only, never input. Aborts, also in release. */
#define must(x) ((x) ? (void)0 : must_failed(#x, __FILE__, __LINE__))

_Noreturn void must_failed(const char *expr, const char *file, int line);

/* Allocation of small objects aborts when memory is out: there is nothing sensible left to do.
 * What a peer can size goes through struct buf, which has a maximum. */
void *xcalloc(size_t n, size_t size) __attribute__((malloc)) WARN_UNUSED NEVER_NULL;
void *xrealloc(void *p, size_t n, size_t size) WARN_UNUSED NEVER_NULL;
char *xstrdup(const char *s) __attribute__((malloc)) WARN_UNUSED NEVER_NULL;
char *xstrndup(const char *s, size_t n) __attribute__((malloc)) WARN_UNUSED NEVER_NULL;
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) WARN_UNUSED NEVER_NULL;

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

/* Cleanup attributes: `_cleanup_free_ char *s = ...` is freed when it leaves scope. */
static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

/* Hands ownership over: the variable is emptied, its value returned. */
#define take_ptr(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#endif
