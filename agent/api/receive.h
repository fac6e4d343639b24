/* SPDX-License-Identifier: Apache-2.0
 *
 * The request side of a connection: heads become exchanges, bodies reach them. Each answers
 * whether there may be more to do with the bytes that are there.
 */
#ifndef BERTH_AGENT_RECEIVE_H
#define BERTH_AGENT_RECEIVE_H

#include "agent/api/conn.h"

bool receive_head(struct conn *c);
bool receive_body(struct conn *c);
void receive_timed_out(struct conn *c); /* answers 408 */

#endif
