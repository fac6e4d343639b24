/* SPDX-License-Identifier: Apache-2.0
 *
 * Request targets against path patterns and query rules. Pure and strict: percent-encoding that is
 * wrong or hides a '/' or a control character is refused, every parameter is checked for what it
 * names, and a query member that the endpoint does not know is an error.
 */
#ifndef BERTH_AGENT_TARGET_H
#define BERTH_AGENT_TARGET_H

#include "lib/base/err.h"
#include "lib/base/ident.h"
#include "lib/base/str.h"

#define TARGET_PARAMS_MAX 2
#define TARGET_VALUE_MAX (IDENT_DOMAIN_MAX + 1)
#define TARGET_QUERY_MAX 4

/* What a pattern's {names} stood for, in order. */
struct target_params {
	char values[TARGET_PARAMS_MAX][TARGET_VALUE_MAX];
};

/* Does the path have the pattern's shape? "/v1/apps/{app}/deploys/{id}", "/git/{app}.git/x". */
bool target_has_shape(const char *pattern, struct str path);

/* Fills the parameters of a path that has the pattern's shape. -EINVAL with words when one is not
 * a valid {app}, {id}, {token} or {domain}. */
int target_read_params(
	const char *pattern, struct str path, struct target_params *ret, struct err *err);

struct target_query {
	struct {
		char name[16];
		char value[64];
	} members[TARGET_QUERY_MAX];
	size_t count;
};

/* Reads "a=1&b=x". `known` is a comma list of names, "" for none; each may be there once. */
int target_read_query(
	const char *known, struct str query, struct target_query *ret, struct err *err);

/* The value; NULL when absent. */
const char *target_query_get(const struct target_query *q, const char *name);

/* A number; `otherwise` when absent. */
int target_query_unsigned(const struct target_query *q, const char *name, unsigned max,
	unsigned otherwise, unsigned *ret, struct err *err);

#endif
