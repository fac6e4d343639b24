/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunked transfer coding (RFC 9112 §7.1), decoded in place, incrementally. Extensions and
 * trailer fields are bounded and dropped.
 */
#ifndef BERTH_HTTP_CHUNKED_H
#define BERTH_HTTP_CHUNKED_H

#include "lib/base/base.h"

struct http_chunked {
	unsigned state;
	uint64_t left; /* bytes of the current chunk still to come */
	size_t line_bytes; /* of the current size line or trailer section */
};

void http_chunked_init(struct http_chunked *c);

enum http_chunked_result { HTTP_CHUNKED_MORE, HTTP_CHUNKED_DONE, HTTP_CHUNKED_BAD };

/* Decodes data[0..len): body bytes are moved together at the front of data, *ret_body says how
 * many; *ret_consumed says how much of the input belongs to the body (all of it unless DONE). */
enum http_chunked_result http_chunked_decode(
	struct http_chunked *c, char *data, size_t len, size_t *ret_consumed, size_t *ret_body);

#endif
