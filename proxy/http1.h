/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP/1.1 codec of client connections.
 */
#ifndef BERTH_PROXY_HTTP1_H
#define BERTH_PROXY_HTTP1_H

#include "proxy/conn.h"

extern const struct codec http1_codec;

#endif
