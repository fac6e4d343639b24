/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the steps of a plan, one after the other, each a shell in its own process group with no
 * stdin; what they print is turned into log lines (builders/output.h). Nothing of a step outlives it.
 */
#ifndef BERTH_BUILDERS_EXECUTE_H
#define BERTH_BUILDERS_EXECUTE_H

#include "builders/plan.h"
#include "lib/data/envfile.h"

struct execution {
	const char *app_dir, *cache_dir;
	const struct envfile *env;
	const struct envfile *secrets; /* masked in output, may be NULL */
	int out_fd; /* NDJSON */
};

/* 0 when all steps succeeded. -ECHILD with words when one failed, -EINTR when a signal asked to
 * stop, another -errno when one could not be started. */
int execute_steps(const struct execution *x, const struct plan *p, struct err *err);

#endif
