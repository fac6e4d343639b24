/* SPDX-License-Identifier: Apache-2.0
 *
 * After the steps: is there what the plan wants to run and to serve? Answers what can be known
 * without running anything, so that a missing server is a build error with words and not an app
 * that exits.
 */
#ifndef BERTH_BUILDERS_CHECK_H
#define BERTH_BUILDERS_CHECK_H

#include "builders/plan.h"
#include "builders/source.h"

/* -EINVAL with words that name the process or folder and the fix. */
int check_built(const struct plan *p, const struct source *s, const char *app_dir, struct err *err);

#endif
