/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes Procfiles.
 */
#include "lib/data/procfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	struct procfile *p = NULL;

	if (procfile_parse("Procfile", (const char *)data, size, &p, &err) == 0)
		procfile_free(p);
	return 0;
}
