/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's side of `berth doctor`: looks at the host, changes nothing, waits for nothing.
 */
#ifndef BERTH_AGENT_DOCTOR_H
#define BERTH_AGENT_DOCTOR_H

#include <jansson.h>

struct edge;

struct doctor_subject {
	const char *state_dir;
	const char *programs; /* folder of our own programs */
	const struct edge *edge;
	unsigned http_port, https_port;
};

/* A list of {"name","ok","message","fix"}; the fix is null when all is well. */
json_t *doctor_examine(const struct doctor_subject *s);

#endif
