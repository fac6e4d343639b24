/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the store as the JSON that the API gives, and what several handlers ask of the store.
 * Functions that can fail have answered the exchange when they return a negative number.
 */
#ifndef BERTH_AGENT_RESOURCE_H
#define BERTH_AGENT_RESOURCE_H

#include "agent/api/exchange.h"
#include "agent/store/store.h"

/* The app's row, or 404. */
int resource_find_app(struct exchange *x, struct app_row *ret);

json_t *describe_time(int64_t wall_ms); /* RFC 3339; null for 0 */

int describe_app(struct exchange *x, const struct app_row *app, json_t **ret);
json_t *describe_release(const struct release_row *r, unsigned live, unsigned rollback_target);
/* A deploy of that app as the engine tells it; NULL when there is none. */
json_t *describe_deploy(struct exchange *x, const char *app, uint64_t id);

/* May there be an app of that name? Adds it unless it is there already; -EEXIST is answered only
 * when `is_new_wanted`. */
int resource_add_app(struct exchange *x, const char *name, bool is_new_wanted);

/* Answers once the proxy serves what was published, so that whoever asks next sees the change. A
 * proxy that is away reads it when it comes: that is an answer, too. Takes the body. */
void resource_reply_published(struct exchange *x, unsigned status, json_t *body);

/* "shop.localhost"; owned by the caller. */
char *resource_default_host(const struct exchange *x, const char *app);

#endif
