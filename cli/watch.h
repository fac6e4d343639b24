/* SPDX-License-Identifier: Apache-2.0
 *
 * Following a deploy to its end: events to the display or, with --json, to stdout. A lost connection
 * is taken up again; the first Ctrl-C cancels the deploy, the second leaves it alone.
 */
#ifndef BERTH_CLI_WATCH_H
#define BERTH_CLI_WATCH_H

#include "cli/cli.h"

struct progress;

/* The display for this run: none with --json or --quiet. NULL is a display that shows nothing. */
struct progress *watch_display_new(const struct cli *cli);
/* Writes what the display has to stderr. */
void watch_flush(struct progress *p);

/* Follows the deploy that the API described (`deploy` is borrowed) and returns the exit code of its
 * end, after the URL on stdout or the error. `p` may be NULL. */
int watch_deploy(struct cli *cli, const json_t *deploy, struct progress *p);

/* What a verb does with the Deploy it was answered with: prints it (--no-wait), or follows it. */
int watch_or_detach(struct cli *cli, const json_t *deploy, struct progress *p);

#endif
