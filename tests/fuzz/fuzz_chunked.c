/* SPDX-License-Identifier: Apache-2.0
 *
 * A chunked body that arrives in pieces. The first byte of the input is the size of the pieces.
 * Property: the result does not depend on how the bytes were cut.
 */
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	enum http_chunked_result result;
	size_t consumed;
	struct buf body;
};

static void decode(const uint8_t *data, size_t size, size_t piece, struct outcome *ret)
{
	struct http_chunked c;
	size_t at = 0;

	http_chunked_init(&c);
	*ret = (struct outcome){.result = HTTP_CHUNKED_MORE, .body = BUF_INIT(size + 1)};
	while (at < size && ret->result == HTTP_CHUNKED_MORE) {
		size_t n = size - at < piece ? size - at : piece, consumed, body;
		/* A copy of its own, so that the sanitizer sees every byte beyond it. */
		char *copy = xcalloc(n, 1);
		memcpy(copy, data + at, n);
		ret->result = http_chunked_decode(&c, copy, n, &consumed, &body);
		must(consumed <= n && body <= consumed);
		must(ret->result != HTTP_CHUNKED_MORE || consumed == n);
		must(buf_append(&ret->body, copy, body) == 0);
		free(copy);
		at += consumed;
	}
	ret->consumed = at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut;

	if (size == 0)
		return 0;
	decode(data + 1, size - 1, size, &whole);
	decode(data + 1, size - 1, data[0] ? data[0] : 1, &cut);
	must(whole.result == cut.result && whole.consumed == cut.consumed);
	must(buf_len(&whole.body) == buf_len(&cut.body));
	must(buf_len(&cut.body) == 0 ||
		memcmp(buf_data(&whole.body), buf_data(&cut.body), buf_len(&cut.body)) == 0);
	buf_free(&whole.body);
	buf_free(&cut.body);
	return 0;
}
