/* SPDX-License-Identifier: Apache-2.0
 *
 * struct arena: memory of one lifetime (a request, a route table), given back at once. Chunks are
 * kept by arena_reset() up to one, so that a keep-alive connection allocates nothing per request.
 */
#ifndef BERTH_BASE_ARENA_H
#define BERTH_BASE_ARENA_H

#include "lib/base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t total, max; /* bytes handed out, and the limit on them */
};

void arena_init(struct arena *a, size_t max);
void arena_free(struct arena *a);
void arena_reset(struct arena *a);

/* Zeroed, aligned for any type; NULL when the maximum would be passed. */
void *arena_alloc(struct arena *a, size_t n);

/* A NUL-terminated copy; NULL when full. */
char *arena_dup(struct arena *a, struct str s);

#endif
