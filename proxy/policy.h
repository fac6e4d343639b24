/* SPDX-License-Identifier: Apache-2.0
 *
 * What a reverse proxy takes off and puts on: which fields go on to the app and back, and what
 * the app is told about the client. Pure: heads in, bytes or verdicts out.
 */
#ifndef BERTH_PROXY_POLICY_H
#define BERTH_PROXY_POLICY_H

#include "lib/base/buf.h"
#include "lib/http/head.h"
#include "proxy/router.h"

/* The client as the app shall see it. */
struct policy_client {
	const char *address; /* numeric */
	bool secure;
};

/* Writes the head of the request for the app: end-to-end fields as they came; Host, the framing
 * and the forwarding fields are ours. With `upgrade` the client's Upgrade is passed on.
 * 0 or -ENOBUFS. */
int policy_write_request(struct buf *to, const struct http_head *request,
	const struct policy_client *client, bool upgrade);

/* Is this an upgrade that may become a tunnel? h2c is not: it would carry requests past us. */
bool policy_allows_upgrade(const struct http_head *request);

/* May it be sent again when it is unknown whether the app saw it (RFC 9110 §9.2.2)? Only without a
 * body, since bodies are not kept. */
bool policy_is_replayable(const struct http_head *request);

/* Keeps the end-to-end fields of a response, in place; Content-Length goes too: it is written from
 * the framing. With `upgrade` (a wanted 101) Connection and Upgrade stay. */
void policy_filter_response(struct http_head *response, bool upgrade);

#endif
