/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash map with insertion order: entries live in an array, slots point into it. The hash is FNV-1a
 * seeded per process, so that a peer who chooses keys cannot choose collisions.
 */
#include "lib/base/map.h"

#include <errno.h>
#include <sys/random.h>

static uint64_t seed(void)
{
	static uint64_t value;
	if (__builtin_expect(__atomic_load_n(&value, __ATOMIC_RELAXED) == 0, 0)) {
		uint64_t v = 0;
		must(getrandom(&v, sizeof v, 0) == (ssize_t)sizeof v);
		uint64_t none = 0;
		/* The first thread wins; all agree on its value. */
		(void)__atomic_compare_exchange_n(
			&value, &none, v | 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return __atomic_load_n(&value, __ATOMIC_RELAXED);
}

static uint64_t hash_of(struct str key)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ seed();
	for (size_t i = 0; i < key.len; i++) {
		h ^= (unsigned char)key.p[i];
		h *= 0x100000001b3ULL;
	}
	return h ^ (h >> 32);
}

void map_init(struct map *m)
{
	*m = (struct map){0};
}

void map_free(struct map *m)
{
	for (size_t i = 0; i < m->used; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->slots);
	*m = (struct map){0};
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find_slot(const struct map *m, struct str key, uint64_t hash)
{
	size_t at = (size_t)hash & (m->slot_count - 1);
	for (;;) {
		uint32_t index = m->slots[at];
		if (index == 0)
			return at;
		const struct map_entry *e = &m->entries[index - 1];
		if (e->hash == hash && e->key_len == key.len && memcmp(e->key, key.p, key.len) == 0)
			return at;
		at = (at + 1) & (m->slot_count - 1);
	}
}

/* Doubles the table, dropping removed entries. */
static void grow(struct map *m)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->used; i++) {
		if (m->entries[i].value)
			m->entries[kept++] = m->entries[i];
		else
			free(m->entries[i].key);
	}
	m->used = kept;
	m->slot_count = 16;
	while (m->slot_count < (kept + 1) * 2)
		m->slot_count *= 2;
	m->capacity = m->slot_count / 2;
	m->entries = xrealloc(m->entries, m->capacity, sizeof *m->entries);
	free(m->slots);
	m->slots = xcalloc(m->slot_count, sizeof *m->slots);
	for (size_t i = 0; i < kept; i++) {
		struct str key = {m->entries[i].key, m->entries[i].key_len};
		m->slots[find_slot(m, key, m->entries[i].hash)] = (uint32_t)(i + 1);
	}
}

void *map_set(struct map *m, struct str key, void *value)
{
	must(value);
	if (m->used == m->capacity)
		grow(m);
	uint64_t hash = hash_of(key);
	size_t at = find_slot(m, key, hash);
	if (m->slots[at] == 0) {
		m->entries[m->used++] = (struct map_entry){str_dup(key), key.len, hash, value};
		m->slots[at] = (uint32_t)m->used;
		m->live++;
		return NULL;
	}
	struct map_entry *e = &m->entries[m->slots[at] - 1];
	void *old = e->value;
	e->value = value;
	if (!old)
		m->live++;
	return old;
}

static struct map_entry *find(const struct map *m, struct str key)
{
	if (m->slot_count == 0)
		return NULL;
	size_t at = find_slot(m, key, hash_of(key));
	return m->slots[at] == 0 ? NULL : &m->entries[m->slots[at] - 1];
}

void *map_get(const struct map *m, struct str key)
{
	struct map_entry *e = find(m, key);
	return e ? e->value : NULL;
}

void *map_remove(struct map *m, struct str key)
{
	struct map_entry *e = find(m, key);
	if (!e || !e->value)
		return NULL;
	m->live--;
	return take_ptr(e->value);
}
