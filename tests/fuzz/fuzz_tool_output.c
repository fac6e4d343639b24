/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the cleaning of what tools print: it is always valid UTF-8 without control characters, and
 * never longer than its limit.
 */
#include <jansson.h>

#include "builders/output.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envfile *secrets = envfile_new();

	must(envfile_set(secrets, "A", "secret-value", NULL) == 0);
	_cleanup_free_ char *line =
		output_clean_line((struct str){(const char *)data, size}, secrets);
	must(strlen(line) <= OUTPUT_LINE_MAX);
	json_t *text = json_string(line);
	must(text);
	json_decref(text);
	for (const char *p = line; *p; p++)
		must(*p == '\t' || (unsigned char)*p >= 0x20);
	envfile_free(secrets);
	return 0;
}
