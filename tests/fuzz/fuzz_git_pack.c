/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes packs, with small limits so that they are met.
 */
#include "agent/git/pack_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pack_limits limits = {.pack_bytes_max = 1 << 20,
		.file_bytes_max = 1 << 16,
		.inflated_bytes_free = 1 << 18,
		.inflated_ratio_max = 4,
		.objects_max = 64,
		.chain_max = 3};
	struct pack_scan s;
	struct err err;
	size_t half = size / 2;

	must(pack_scan_init(&s, &limits) == 0);
	if (pack_scan_feed(&s, data, half, &err) == 0)
		(void)pack_scan_feed(&s, data + half, size - half, &err);
	must(s.offset <= size && s.object_count <= limits.objects_max);
	pack_scan_free(&s);
	return 0;
}
