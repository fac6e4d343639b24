/* SPDX-License-Identifier: Apache-2.0
 *
 * Help from the command table.
 */
#ifndef BERTH_CLI_HELP_H
#define BERTH_CLI_HELP_H

#include "cli/args.h"
#include "lib/base/buf.h"

/* Appends the help of a command; `name` is its full name ("berth env set"). */
void help_format(const struct command *c, const char *name, struct buf *to);

#endif
