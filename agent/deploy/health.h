/* SPDX-License-Identifier: Apache-2.0
 *
 * struct health_check: asks one instance over its own address until it is healthy or the time is
 * over. The request looks like one that came through the proxy. Nothing of the answer is kept but
 * its status; a body is read up to a limit, so that the app is not cut off while it writes.
 */
#ifndef BERTH_AGENT_HEALTH_H
#define BERTH_AGENT_HEALTH_H

#include <stdbool.h>

#include "lib/base/err.h"

struct ev_loop;
struct health_check;

struct health_config {
	const char *address; /* "unix:PATH" or "tcp:127.0.0.1:PORT" */
	const char *host; /* for the Host field */
	const char *path; /* NULL: "/", and any status below 500 is healthy */
	unsigned status; /* with path: exactly this one, 0: any below 400 */
	uint64_t timeout_ms;
};

/* Comes once, never from within health_check_start(). `words` says what was wrong last:
 * "it answered 503 to GET /up", "nothing listens on port 20001". The check may be freed in it. */
typedef void (*health_on_result)(void *data, bool healthy, const char *words);

/* Copies the configuration. */
struct health_check *health_check_start(struct ev_loop *loop, const struct health_config *config,
	health_on_result on_result, void *data);
/* How often it has asked. */
unsigned health_check_tries(const struct health_check *c);
void health_check_free(struct health_check *c); /* accepts NULL */

#endif
