/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditional requests (RFC 9110 §13) and the choice of an encoding (§12.5.3) against one file. Pure.
 */
#ifndef BERTH_PROXY_STATIC_CONDITION_H
#define BERTH_PROXY_STATIC_CONDITION_H

#include "proxy/static.h"

enum static_condition {
	STATIC_PROCEED,
	STATIC_NOT_MODIFIED, /* 304 */
	STATIC_FAILED, /* 412 */
};

/* In the order of §13.2.2. `etag` is ours, strong; `modified` in seconds. If-Modified-Since is
 * compared for equality, as a rollback makes an older file the current one. */
enum static_condition static_check_conditions(
	const struct static_request *request, const char *etag, int64_t modified);

/* May Range be honoured (§13.1.5)? True without an If-Range field. */
bool static_if_range_holds(
	const struct static_request *request, const char *etag, int64_t modified);

/* The weight that an Accept-Encoding field gives a coding, 0 to 1000; 0 is refused. An absent or
 * malformed field accepts none but identity. "x-gzip" is gzip. */
unsigned static_encoding_weight(struct str accept_encoding, const char *coding);

#endif
