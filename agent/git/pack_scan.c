/* SPDX-License-Identifier: Apache-2.0
 *
 * The pack format: gitformat-pack(5).
 */
#include "agent/git/pack_scan.h"

#include <endian.h>
#include <errno.h>

#include "lib/base/parse.h"

enum { TYPE_COMMIT = 1, TYPE_TREE = 2, TYPE_BLOB = 3, TYPE_TAG = 4, TYPE_OFS = 6, TYPE_REF = 7 };

#define HEADER_LEN 12
#define ID_LEN 20
#define SCRATCH_LEN 32768

struct input {
	const unsigned char *p;
	size_t len;
};

int pack_scan_init(struct pack_scan *s, const struct pack_limits *limits)
{
	*s = (struct pack_scan){.limits = *limits};
	return inflateInit(&s->z) == Z_OK ? 0 : -ENOMEM;
}

void pack_scan_free(struct pack_scan *s)
{
	(void)inflateEnd(&s->z);
	free(s->at);
	s->at = NULL;
}

static int damaged(struct err *err, const char *what)
{
	return err_set(err, EBADMSG, "the pack is damaged: %s", what);
}

static int too_large(struct err *err, const char *what, uint64_t bytes, uint64_t max)
{
	char size[32], limit[32];

	format_size(bytes, size, sizeof size);
	format_size(max, limit, sizeof limit);
	return err_set(err, EBADMSG, "%s of %s; the limit is %s", what, size, limit);
}

/* Gathers `want` bytes in s->field; true when they are there. */
static bool gather(struct pack_scan *s, struct input *in, size_t want)
{
	size_t n = want - s->field_len < in->len ? want - s->field_len : in->len;

	memcpy(s->field + s->field_len, in->p, n);
	s->field_len += n;
	in->p += n;
	in->len -= n;
	s->offset += n;
	if (s->field_len < want)
		return false;
	s->field_len = 0;
	return true;
}

static unsigned char take_byte(struct pack_scan *s, struct input *in)
{
	in->len--;
	s->offset++;
	return *in->p++;
}

static void begin_object(struct pack_scan *s)
{
	s->state = s->object_count < s->objects ? PACK_OBJECT : PACK_TRAILER;
	s->object_offset = s->offset;
	s->shift = 0;
	s->size = s->seen = 0;
	s->base_distance = 0;
	s->delta_head_len = 0;
	s->is_delta_checked = false;
}

static int on_header(struct pack_scan *s, struct err *err)
{
	uint32_t version, objects;

	memcpy(&version, s->field + 4, 4);
	memcpy(&objects, s->field + 8, 4);
	s->objects = be32toh(objects);
	if (memcmp(s->field, "PACK", 4) != 0)
		return damaged(err, "it does not start with PACK");
	if (be32toh(version) != 2 && be32toh(version) != 3)
		return damaged(err, "it has an unknown version");
	if (s->objects > s->limits.objects_max)
		return err_set(err, EBADMSG,
			"the pack has %u objects; the limit is %u (push a shallower history)",
			s->objects, s->limits.objects_max);
	begin_object(s);
	return 0;
}

/* Counts what an object claims before a byte of it is inflated. */
static int claim(struct pack_scan *s, uint64_t bytes, struct err *err)
{
	uint64_t max = s->limits.inflated_bytes_free + s->offset * s->limits.inflated_ratio_max;

	if (bytes > s->limits.file_bytes_max)
		return too_large(err, "the push has a file", bytes, s->limits.file_bytes_max);
	s->inflated += bytes;
	s->largest = bytes > s->largest ? bytes : s->largest;
	return s->inflated > max ? too_large(err, "a small pack claims contents", s->inflated, max)
				 : 0;
}

static int on_type_and_size(struct pack_scan *s, struct err *err)
{
	s->field_len = 0;
	switch (s->type) {
	case TYPE_COMMIT:
	case TYPE_TAG:
		if (s->size > PACK_COMMIT_MAX)
			return too_large(err, "the push has a commit", s->size, PACK_COMMIT_MAX);
		break;
	case TYPE_TREE:
		if (s->size > PACK_TREE_MAX)
			return too_large(err, "the push has a folder list", s->size, PACK_TREE_MAX);
		break;
	case TYPE_BLOB:
		break;
	case TYPE_OFS:
	case TYPE_REF:
		/* The size is the delta's own; what it makes stands at its start. */
		if (s->size > s->limits.file_bytes_max)
			return too_large(
				err, "the push has a delta", s->size, s->limits.file_bytes_max);
		s->state = s->type == TYPE_OFS ? PACK_OFFSET : PACK_BASE_ID;
		return 0;
	default:
		return damaged(err, "an object has an unknown type");
	}
	s->state = PACK_DATA;
	return claim(s, s->size, err);
}

static int take_object_head(struct pack_scan *s, struct input *in, struct err *err)
{
	unsigned char c = take_byte(s, in);

	if (s->shift == 0) {
		s->type = (c >> 4) & 7;
		s->size = c & 15;
		s->shift = 4;
	} else {
		if (s->shift > 53)
			return damaged(err, "an object's size is beyond belief");
		s->size |= (uint64_t)(c & 0x7f) << s->shift;
		s->shift += 7;
	}
	return c & 0x80 ? 0 : on_type_and_size(s, err);
}

static const struct pack_object_at *find_object(const struct pack_scan *s, uint64_t offset)
{
	uint32_t low = 0, high = s->object_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (s->at[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->object_count && s->at[low].offset == offset ? &s->at[low] : NULL;
}

static int take_base_offset(struct pack_scan *s, struct input *in, struct err *err)
{
	unsigned char c = take_byte(s, in);

	if (s->base_distance >> 50)
		return damaged(err, "a delta's base is beyond belief");
	/* field_len counts the bytes: each but the first adds one before the shift. */
	s->base_distance = (s->field_len++ > 0 ? (s->base_distance + 1) << 7 : 0) | (c & 0x7f);
	if (c & 0x80)
		return 0;
	s->field_len = 0;
	if (s->base_distance == 0 || s->base_distance > s->object_offset ||
		!find_object(s, s->object_offset - s->base_distance))
		return damaged(err, "a delta's base is not an object");
	s->state = PACK_DATA;
	return 0;
}

static bool take_varint(struct input *in, uint64_t *ret)
{
	unsigned shift = 0;

	*ret = 0;
	while (in->len > 0 && shift <= 56) {
		unsigned char c = *in->p++;
		in->len--;
		*ret |= (uint64_t)(c & 0x7f) << shift;
		shift += 7;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

/* The first bytes of a delta tell the sizes of its base and of what it makes. */
static int check_delta(struct pack_scan *s, struct err *err)
{
	struct input head = {s->delta_head, s->delta_head_len};
	uint64_t base, result;

	s->is_delta_checked = true;
	if (!take_varint(&head, &base) || !take_varint(&head, &result))
		return damaged(err, "a delta is malformed");
	if (base > s->limits.file_bytes_max)
		return too_large(err, "the push has a file", base, s->limits.file_bytes_max);
	return claim(s, result, err);
}

static int on_object_end(struct pack_scan *s, struct err *err)
{
	unsigned depth = 0;

	if (s->seen != s->size)
		return damaged(err, "an object is shorter than it says");
	if (s->type == TYPE_OFS)
		depth = find_object(s, s->object_offset - s->base_distance)->depth + 1;
	else if (s->type == TYPE_REF)
		depth = 1;
	if (depth > s->limits.chain_max)
		return err_set(err, EBADMSG, "the pack has a chain of more than %u deltas",
			s->limits.chain_max);
	if (s->object_count == s->at_capacity) {
		/* Doubling from small: the announced count is not believed before it is filled. */
		s->at_capacity = s->at_capacity ? s->at_capacity * 2 : 256;
		s->at = xrealloc(s->at, s->at_capacity, sizeof *s->at);
	}
	s->at[s->object_count++] = (struct pack_object_at){s->object_offset, depth};
	begin_object(s);
	return inflateReset(&s->z) == Z_OK ? 0 : damaged(err, "zlib");
}

static int on_inflated(struct pack_scan *s, const unsigned char *p, size_t n, struct err *err)
{
	s->seen += n;
	if (s->seen > s->size)
		return damaged(err, "an object is longer than it says");
	if (s->type != TYPE_OFS && s->type != TYPE_REF)
		return 0;
	size_t want = PACK_DELTA_HEAD_MAX - s->delta_head_len;
	size_t take = n < want ? n : want;
	memcpy(s->delta_head + s->delta_head_len, p, take);
	s->delta_head_len += take;
	bool is_whole = s->delta_head_len == PACK_DELTA_HEAD_MAX || s->seen == s->size;
	return is_whole && !s->is_delta_checked ? check_delta(s, err) : 0;
}

static int take_data(struct pack_scan *s, struct input *in, struct err *err)
{
	unsigned char scratch[SCRATCH_LEN];

	for (;;) {
		s->z.next_in = (unsigned char *)(uintptr_t)in->p;
		s->z.avail_in = (unsigned)in->len;
		s->z.next_out = scratch;
		s->z.avail_out = SCRATCH_LEN;
		int z = inflate(&s->z, Z_NO_FLUSH);
		size_t taken = in->len - s->z.avail_in, made = SCRATCH_LEN - s->z.avail_out;
		in->p += taken;
		in->len -= taken;
		s->offset += taken;
		if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
			return damaged(err, s->z.msg ? s->z.msg : "bad compressed data");
		int r = on_inflated(s, scratch, made, err);
		if (r < 0)
			return r;
		if (z == Z_STREAM_END)
			return on_object_end(s, err);
		if (in->len == 0 && made < SCRATCH_LEN)
			return 0;
		if (taken == 0 && made == 0)
			return damaged(err, "bad compressed data");
	}
}

static int step(struct pack_scan *s, struct input *in, struct err *err)
{
	switch (s->state) {
	case PACK_HEADER:
		return gather(s, in, HEADER_LEN) ? on_header(s, err) : 0;
	case PACK_OBJECT:
		return take_object_head(s, in, err);
	case PACK_OFFSET:
		return take_base_offset(s, in, err);
	case PACK_BASE_ID:
		if (gather(s, in, ID_LEN))
			s->state = PACK_DATA;
		return 0;
	case PACK_DATA:
		return take_data(s, in, err);
	case PACK_TRAILER:
		if (gather(s, in, ID_LEN))
			s->state = PACK_DONE;
		return 0;
	case PACK_DONE:
		break;
	}
	return damaged(err, "something follows its end");
}

int pack_scan_feed(struct pack_scan *s, const void *data, size_t len, struct err *err)
{
	struct input in = {data, len};

	if (s->offset + len > s->limits.pack_bytes_max)
		return too_large(
			err, "the push is a pack", s->offset + len, s->limits.pack_bytes_max);
	while (in.len > 0) {
		int r = step(s, &in, err);
		if (r < 0)
			return r;
	}
	return 0;
}
