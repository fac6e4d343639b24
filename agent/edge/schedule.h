/* SPDX-License-Identifier: Apache-2.0
 *
 * struct schedule: when the next order for each host may be, in a file, so that a restart makes no
 * storm. Pure but for that file; times are the wall clock's milliseconds and come from outside.
 *
 * After a failure 1, 10, 100 minutes, then a day, each up to a tenth more, and no sooner than the CA
 * asks; after five failed validations within an hour, when the first of them is an hour old.
 */
#ifndef BERTH_AGENT_SCHEDULE_H
#define BERTH_AGENT_SCHEDULE_H

#include <stdbool.h>

#include "lib/base/err.h"

#define SCHEDULE_VALIDATIONS_MAX 5 /* failed ones within an hour */

struct schedule_entry {
	unsigned failures; /* in a row */
	int64_t changed_ms; /* of the last failure or success */
	int64_t next_ms; /* no order before */
	int64_t validations_ms[SCHEDULE_VALIDATIONS_MAX]; /* the last failed ones, oldest first */
	char error[384]; /* of the last failure, "" after a success */
};

struct schedule_failure {
	const char *words;
	int64_t retry_after_s; /* as the CA asks, 0: it does not */
	bool is_validation;
	unsigned random; /* any number: the jitter */
};

struct schedule;

/* A file that is not there, or cannot be read, is an empty schedule. Copies. */
struct schedule *schedule_new(const char *path);
void schedule_free(struct schedule *s); /* accepts NULL */

/* NULL: nothing is known of the host. Borrowed until the next call. */
const struct schedule_entry *schedule_get(const struct schedule *s, const char *host);

/* A clock that was put back since the last failure does not make the wait longer. */
bool schedule_may_order(struct schedule *s, const char *host, int64_t now_ms);

/* The hour's limit of failed validations alone: the time at which it is over; 0: it is not reached. */
int64_t schedule_limited_until_ms(const struct schedule *s, const char *host, int64_t now_ms);

/* Both keep what they say; a file that cannot be written is an error, and known in memory. */
int schedule_failed(struct schedule *s, const char *host, const struct schedule_failure *failure,
	int64_t now_ms, struct err *err);
/* Not again before an hour, or a quarter of the lifetime: a wrong clock orders no more than that. */
int schedule_issued(
	struct schedule *s, const char *host, int64_t lifetime_ms, int64_t now_ms, struct err *err);

/* The earliest time after now_ms at which a host may be ordered again after a failure; 0: none. */
int64_t schedule_wake_ms(const struct schedule *s, int64_t now_ms);

#endif
