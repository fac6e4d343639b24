/* SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing. Ids are hashes already; an attacker who grinds a few dozen bits of them gains a
 * slow walk, which the processor-time limit ends.
 */
#include "agent/git/oidset.h"

#define SIZE_MIN 256

static size_t find_slot(const struct oidset *s, const git_oid *id)
{
	uint64_t hash;

	memcpy(&hash, id->id, sizeof hash);
	for (size_t i = hash & (s->size - 1);; i = (i + 1) & (s->size - 1))
		if (git_oid_is_zero(&s->slots[i]) || git_oid_equal(&s->slots[i], id))
			return i;
}

static void grow(struct oidset *s)
{
	struct oidset old = *s;

	s->size = old.size ? old.size * 2 : SIZE_MIN;
	s->slots = xcalloc(s->size, sizeof *s->slots);
	for (size_t i = 0; i < old.size; i++)
		if (!git_oid_is_zero(&old.slots[i]))
			s->slots[find_slot(s, &old.slots[i])] = old.slots[i];
	free(old.slots);
}

bool oidset_add(struct oidset *s, const git_oid *id)
{
	if (git_oid_is_zero(id))
		return false;
	if (s->count * 4 >= s->size * 3)
		grow(s);
	size_t i = find_slot(s, id);
	if (!git_oid_is_zero(&s->slots[i]))
		return false;
	s->slots[i] = *id;
	s->count++;
	return true;
}

bool oidset_has(const struct oidset *s, const git_oid *id)
{
	return s->size > 0 && !git_oid_is_zero(id) && !git_oid_is_zero(&s->slots[find_slot(s, id)]);
}

void oidset_free(struct oidset *s)
{
	free(s->slots);
	*s = (struct oidset){0};
}
