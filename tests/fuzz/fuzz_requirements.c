/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes requirements.txt: names come out normalised, whatever goes in.
 */
#include "builders/requirements.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_include(void *data, const char *path, bool constraint)
{
	(void)constraint;
	*(size_t *)data += strlen(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct requirements r = {0};
	size_t bytes = 0;

	requirements_parse(&r, (const char *)data, size, on_include, &bytes);
	must(bytes <= size && r.count <= REQUIREMENTS_MAX);
	for (size_t i = 0; i < r.count; i++)
		for (const char *p = r.names[i]; *p; p++)
			must(strchr("abcdefghijklmnopqrstuvwxyz0123456789-[]", *p));
	requirements_free(&r);
	return 0;
}
