/* SPDX-License-Identifier: Apache-2.0
 *
 * struct map: text keys to pointers, open addressing, in insertion order when walked. Keys are
 * copied, values are not owned. Meant for thousands of entries, built once and read often.
 */
#ifndef BERTH_BASE_MAP_H
#define BERTH_BASE_MAP_H

#include "lib/base/str.h"

struct map_entry {
	char *key;
	size_t key_len;
	uint64_t hash;
	void *value; /* NULL: removed */
};

struct map {
	struct map_entry *entries; /* in insertion order */
	size_t used, capacity;
	uint32_t *slots; /* index + 1 into entries, 0 is free; size is a power of two */
	size_t slot_count;
	size_t live;
};

void map_init(struct map *m);
void map_free(struct map *m);

/* Sets a key; returns the former value or NULL. A value must not be NULL. */
void *map_set(struct map *m, struct str key, void *value);
void *map_get(const struct map *m, struct str key);
void *map_remove(struct map *m, struct str key);

static inline size_t map_count(const struct map *m)
{
	return m->live;
}

/* Walks the live entries in insertion order; entries must not be added meanwhile. */
#define map_for_each(it, m)                                                                  \
	for (struct map_entry *it = (m)->entries; it && it < (m)->entries + (m)->used; it++) \
		if (it->value)

#endif
