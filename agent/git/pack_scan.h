/* SPDX-License-Identifier: Apache-2.0
 *
 * struct pack_scan: reads a pack as it streams by, in constant memory for each object, and refuses
 * it before libgit2's indexer, which has no limits of its own, sees the offending bytes. What is
 * checked is what a header claims before it is believed: sizes, counts, delta bases and depths.
 * Hashes and delta contents are the indexer's business. Pure but for zlib.
 */
#ifndef BERTH_AGENT_GIT_PACK_SCAN_H
#define BERTH_AGENT_GIT_PACK_SCAN_H

#include <stdbool.h>
#include <zlib.h>

#include "lib/base/err.h"

struct pack_limits {
	uint64_t pack_bytes_max;
	uint64_t file_bytes_max; /* inflated size of one object, and of what a delta makes */
	/* Inflated bytes of all objects: this much, and `inflated_ratio_max` times the pack's own
	 * size so far. A real history inflates 10 to 50 times; a bomb does by millions. */
	uint64_t inflated_bytes_free;
	unsigned inflated_ratio_max;
	uint32_t objects_max;
	unsigned chain_max; /* deltas upon deltas */
};

#define PACK_LIMITS_DEFAULT                                        \
	((struct pack_limits){.pack_bytes_max = (uint64_t)2 << 30, \
		.file_bytes_max = (uint64_t)100 << 20,             \
		.inflated_bytes_free = (uint64_t)1 << 30,          \
		.inflated_ratio_max = 64,                          \
		.objects_max = 1000000,                            \
		.chain_max = 500})

/* Of trees; commits and tags: nothing a person or a tool writes is near. */
#define PACK_TREE_MAX ((uint64_t)32 << 20)
#define PACK_COMMIT_MAX ((uint64_t)4 << 20)

enum pack_state {
	PACK_HEADER,
	PACK_OBJECT, /* type and size */
	PACK_OFFSET, /* of an OFS_DELTA's base */
	PACK_BASE_ID, /* of a REF_DELTA's */
	PACK_DATA,
	PACK_TRAILER,
	PACK_DONE
};

struct pack_object_at {
	uint64_t offset;
	unsigned depth;
};

#define PACK_DELTA_HEAD_MAX 20 /* two sizes of at most ten bytes */

struct pack_scan {
	struct pack_limits limits;
	enum pack_state state;
	uint64_t offset; /* bytes taken */
	uint64_t inflated; /* claimed by all objects so far */
	uint64_t largest; /* claimed by one */
	uint32_t objects, object_count; /* announced, and finished */

	unsigned char field[20]; /* of the header, an id or the trailer */
	size_t field_len;

	/* The current object. */
	uint64_t object_offset;
	unsigned type;
	uint64_t size, seen; /* inflated bytes, claimed and real */
	unsigned shift;
	uint64_t base_distance;
	unsigned char delta_head[PACK_DELTA_HEAD_MAX];
	size_t delta_head_len;
	bool is_delta_checked;

	struct pack_object_at *at; /* of finished objects, by offset */
	uint32_t at_capacity;
	z_stream z;
};

/* Copies the limits. -ENOMEM. */
int pack_scan_init(struct pack_scan *s, const struct pack_limits *limits);
void pack_scan_free(struct pack_scan *s);

/* Takes the next bytes, all of them. -EBADMSG with words; the scan is over then. */
int pack_scan_feed(struct pack_scan *s, const void *data, size_t len, struct err *err);

/* The trailer has been seen whole. Anything fed after it is an error. */
static inline bool pack_scan_is_done(const struct pack_scan *s)
{
	return s->state == PACK_DONE;
}

#endif
