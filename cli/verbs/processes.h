/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of an app's processes, for `berth ps` and `berth status`.
 */
#ifndef BERTH_CLI_VERBS_PROCESSES_H
#define BERTH_CLI_VERBS_PROCESSES_H

#include "cli/cli.h"

void processes_print(const struct cli *cli, const json_t *processes);

#endif
