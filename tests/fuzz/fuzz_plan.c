/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes plans, and that a plan that was read can be written and read again.
 */
#include "builders/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	struct plan *p = NULL, *back = NULL;

	if (plan_parse((const char *)data, size, &p, &err) < 0)
		return 0;
	_cleanup_free_ char *text = plan_format(p);
	must(plan_parse(text, strlen(text), &back, &err) == 0);
	plan_free(p);
	plan_free(back);
	return 0;
}
