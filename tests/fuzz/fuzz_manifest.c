/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes berth.yaml, and with it the YAML reader.
 */
#include "lib/data/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	struct manifest *m = NULL;

	if (manifest_parse("berth.yaml", (const char *)data, size, &m, &err) == 0)
		manifest_free(m);
	return 0;
}
