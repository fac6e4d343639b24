/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan (builders/plan.h) for a person: what would be built, run and served, and why.
 */
#ifndef BERTH_CLI_PLAN_H
#define BERTH_CLI_PLAN_H

#include "cli/cli.h"

/* On stdout; NULL prints nothing. */
void plan_print(const struct cli *cli, const json_t *plan);

#endif
