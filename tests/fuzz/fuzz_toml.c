/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the walk over TOML.
 */
#include "builders/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_value(void *data, const char *table, const char *key, const char *value)
{
	*(size_t *)data += strlen(table) + (key ? strlen(key) : 0) + strlen(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t bytes = 0;

	toml_walk((const char *)data, size, on_value, &bytes);
	return 0;
}
