/* SPDX-License-Identifier: Apache-2.0
 *
 * What berth-build says on stdout: one JSON object a line (reason, step, log, error). What a tool
 * prints only ever becomes the text of a "log" line, so that it cannot forge any other.
 */
#ifndef BERTH_BUILDERS_OUTPUT_H
#define BERTH_BUILDERS_OUTPUT_H

#include "builders/plan.h"
#include "lib/base/buf.h"
#include "lib/data/envfile.h"

#define OUTPUT_LINE_MAX (16u << 10)
#define OUTPUT_SECRET_MIN 6 /* shorter values are too common in other words to be masked */

void output_reasons(int fd, const struct plan *p);
void output_step_started(int fd, const char *name);
void output_step_done(int fd, const char *name, int64_t ms);
void output_step_failed(int fd, const char *name, int64_t ms, int exit_status);
void output_log(int fd, const char *line);
void output_error(int fd, const char *message);

/* Bytes of a tool to lines. Takes what is complete in `pending` (with `last`, also what is not),
 * cleans it, and writes it as log lines. Values of `secrets` (may be NULL) become "***". */
void output_tool_bytes(int fd, struct buf *pending, bool last, const struct envfile *secrets);

/* Cleans one line: escape sequences and control characters go, invalid UTF-8 becomes U+FFFD, what
 * a carriage return overwrote goes, secrets are masked, the rest is cut at OUTPUT_LINE_MAX. Owned by
 * the caller. */
char *output_clean_line(struct str line, const struct envfile *secrets);

#endif
