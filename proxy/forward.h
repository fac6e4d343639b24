/* SPDX-License-Identifier: Apache-2.0
 *
 * The source of responses that come from an app's instances, over HTTP/1.1.
 */
#ifndef BERTH_PROXY_FORWARD_H
#define BERTH_PROXY_FORWARD_H

#include "proxy/exchange.h"

void forward_begin(
	struct exchange *x, const struct exchange_request *request, const struct route *route);

#endif
