/* SPDX-License-Identifier: Apache-2.0
 *
 * A response head, for GET and for HEAD. Properties: the fields that are passed on carry no framing
 * and no line ends.
 */
#include <stdint.h>

#include "proxy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t size, struct str method)
{
	static struct http_head head;
	const char *why = NULL;
	ssize_t n = http_parse_response(text, size, method, &head, &why);

	if (n <= 0) {
		must(n == 0 || (n == -502 && why));
		return;
	}
	must((size_t)n <= size && head.status >= 100 && head.status <= 599);
	if (str_eq(method, STR("HEAD")))
		must(head.framing == HTTP_BODY_NONE);
	policy_filter_response(&head, false);
	must(!http_find(&head, "transfer-encoding") && !http_find(&head, "content-length") &&
		!http_find(&head, "connection"));
	for (size_t i = 0; i < head.field_count; i++)
		must(!memchr(head.fields[i].value.p, '\n', head.fields[i].value.len) &&
			!memchr(head.fields[i].value.p, '\r', head.fields[i].value.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check((const char *)data, size, STR("GET"));
	check((const char *)data, size, STR("HEAD"));
	return 0;
}
