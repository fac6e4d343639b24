/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes environment files: both forms, and that what is written is read back.
 */
#include "lib/data/envfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	struct envfile *e = NULL, *back = NULL;

	if (envfile_parse("env", (const char *)data, size, &e, &err) == 0)
		envfile_free(e);
	if (dotenv_parse(".env", (const char *)data, size, &e, &err) < 0)
		return 0;
	_cleanup_free_ char *text = envfile_format(e);
	must(envfile_parse("env", text, strlen(text), &back, &err) == 0);
	must(back->count == e->count);
	for (size_t i = 0; i < e->count; i++)
		must(strcmp(e->pairs[i].value, back->pairs[i].value) == 0);
	envfile_free(e);
	envfile_free(back);
	return 0;
}
