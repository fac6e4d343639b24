/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that only the connection gives; what handlers give is in agent/api/exchange.h.
 */
#ifndef BERTH_AGENT_REPLY_H
#define BERTH_AGENT_REPLY_H

#include "agent/api/exchange.h"

/* A refusal by HTTP itself: 400, 408, 414, 431, 501, 505. */
void reply_status(struct exchange *x, unsigned status, const char *why);
/* 401; git wants to be asked for Basic credentials, everybody else for a bearer token. */
void reply_unauthorized(struct exchange *x, bool is_git);
void reply_too_many(struct exchange *x, unsigned wait_s); /* 429 */

#endif
