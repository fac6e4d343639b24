/* SPDX-License-Identifier: Apache-2.0
 *
 * The source of responses that are files of a release: asks static.h what to answer, streams it.
 */
#ifndef BERTH_PROXY_FILES_H
#define BERTH_PROXY_FILES_H

#include "proxy/exchange.h"

void files_begin(
	struct exchange *x, const struct exchange_request *request, const struct route *route);

#endif
