/* SPDX-License-Identifier: Apache-2.0
 *
 * Loopback ports for instances that cannot listen on a UNIX socket: the next one of the range that no
 * instance has and nobody else listens on.
 */
#ifndef BERTH_AGENT_PORTS_H
#define BERTH_AGENT_PORTS_H

#include <stdbool.h>

#include "lib/base/err.h"

struct ports {
	unsigned min, max;
	unsigned next; /* goes round, so that a port that was just given back rests */
};

void ports_init(struct ports *p, unsigned min, unsigned max);

/* is_taken says which ports instances have. -EADDRNOTAVAIL: all are. */
int ports_pick(struct ports *p, bool (*is_taken)(void *data, unsigned port), void *data,
	unsigned *ret, struct err *err);

/* Could a program listen there now? */
bool port_is_free(unsigned port);

#endif
