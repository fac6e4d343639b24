/* SPDX-License-Identifier: Apache-2.0
 *
 * A request head. Properties: a head that is accepted is accepted again after the proxy has written
 * it, with the same framing; every prefix of it is incomplete; all views lie inside the input.
 */
#include <stdint.h>

#include "proxy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rewritten(const struct http_head *head)
{
	const struct policy_client client = {"192.0.2.1", false};
	_cleanup_buf_ struct buf b = BUF_INIT(128u << 10);
	static struct http_head again;
	const char *why;
	struct str name;

	if (!http_authority_split(head->host, &name, NULL) || name.len > 253)
		return;
	if (policy_write_request(&b, head, &client, policy_allows_upgrade(head)) < 0)
		return;
	ssize_t n = http_parse_request(buf_data(&b), buf_len(&b), &again, &why);
	/* Our own fields may be one too many for a head at the limit. */
	if (n == -431)
		return;
	must(n == (ssize_t)buf_len(&b));
	must(again.framing == head->framing && again.content_length == head->content_length);
	must(str_eq(again.method, head->method) && str_eq(again.path, head->path));
	must(str_eq(again.host, head->host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_head head;
	const char *text = (const char *)data, *why = NULL;
	ssize_t n = http_parse_request(text, size, &head, &why);

	if (n <= 0) {
		must(n == 0 || why);
		return 0;
	}
	must((size_t)n <= size && memcmp(text + n - 4, "\r\n\r\n", 4) == 0);
	for (size_t i = 0; i < head.field_count; i++)
		must(head.fields[i].name.p >= text &&
			head.fields[i].value.p + head.fields[i].value.len <= text + n);
	check_rewritten(&head);
	for (size_t k = (size_t)n > 64 ? (size_t)n - 64 : 0; k < (size_t)n; k++)
		must(http_parse_request(text, k, &head, &why) == 0);
	return 0;
}
