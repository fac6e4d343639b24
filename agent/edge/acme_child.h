/* SPDX-License-Identifier: Apache-2.0
 *
 * struct acme_child: one berth-acme that gets one certificate. Knows its lines, and nothing of the
 * proxy, of certificates on disk and of when to order.
 */
#ifndef BERTH_AGENT_ACME_CHILD_H
#define BERTH_AGENT_ACME_CHILD_H

#include "agent/edge/issuer.h"

struct acme_child;
struct ev_loop;

struct acme_outcome {
	struct x509_pair pair; /* what the CA issued, not looked at; empty after a failure */
	char words[512]; /* of a failure */
	int64_t retry_after_s;
	bool is_validation;
};

struct acme_child_events {
	/* Both are borrowed. Answer with acme_child_ready(). */
	void (*on_challenge)(void *data, const char *token, const char *key_authorization);
	/* Last. The outcome may be taken from; the child is to be freed from here or later. */
	void (*on_end)(void *data, struct acme_outcome *outcome);
	void *data;
};

/* Copies the events. */
int acme_child_new(struct ev_loop *loop, const struct acme_config *config, const char *host,
	const struct acme_child_events *events, struct acme_child **ret, struct err *err);
void acme_child_free(struct acme_child *c); /* kills it when it still runs; accepts NULL */

/* Visitors get the challenge's answer, or (false) will not. */
void acme_child_ready(struct acme_child *c, bool is_served);

#endif
