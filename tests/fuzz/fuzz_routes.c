/* SPDX-License-Identifier: Apache-2.0
 *
 * A route table. Properties: a refusal has words; an accepted table is accepted again as it is
 * written, and is then written in the same way.
 */
#include <stdint.h>

#include "lib/ipc/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct routes *r = NULL, *again = NULL;
	struct err err = {0};

	if (routes_parse((const char *)data, size, &r, &err) < 0) {
		must(!r && err.msg[0]);
		return 0;
	}
	_cleanup_free_ char *text = routes_format(r);
	must(routes_parse(text, strlen(text), &again, &err) == 0);
	_cleanup_free_ char *twice = routes_format(again);
	must(strcmp(text, twice) == 0);
	routes_unref(r);
	routes_unref(again);
	return 0;
}
