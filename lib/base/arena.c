/* SPDX-License-Identifier: Apache-2.0
 *
 * Arena memory: chunks in a list, the newest is the one that is filled.
 */
#include "lib/base/arena.h"

#include <stdalign.h>

#define CHUNK_BYTES 4096

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

void arena_free(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;
		free(a->chunks);
		a->chunks = next;
	}
	a->total = 0;
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *keep = a->chunks;

	if (!keep)
		return;
	if (keep->size > CHUNK_BYTES) {
		arena_free(a);
		return;
	}
	a->chunks = keep->next;
	arena_free(a);
	keep->next = NULL;
	keep->used = 0;
	a->chunks = keep;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);

	if (n > a->max - a->total || n > SIZE_MAX - sizeof(struct arena_chunk) - align)
		return NULL;
	size_t rounded = (n + align - 1) & ~(align - 1);
	struct arena_chunk *c = a->chunks;
	if (!c || c->size - c->used < rounded) {
		size_t size = rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES;
		c = xcalloc(1, sizeof *c + size);
		c->size = size;
		c->next = a->chunks;
		a->chunks = c;
	}
	void *p = c->data + c->used;
	memset(p, 0, rounded);
	c->used += rounded;
	a->total += n;
	return p;
}

char *arena_dup(struct arena *a, struct str s)
{
	char *copy = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;
	if (copy && s.len > 0)
		memcpy(copy, s.p, s.len);
	return copy;
}
