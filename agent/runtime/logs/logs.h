/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-logs: prints an app's log lines as JSON lines on stdout, from the files that berth-supervise
 * writes (files.c) or from the journal (journal.c). It is a child of the agent or of hostd, made
 * for one reader, and ends when that goes away.
 */
#ifndef BERTH_AGENT_RUNTIME_LOGS_LOGS_H
#define BERTH_AGENT_RUNTIME_LOGS_LOGS_H

#include "agent/runtime/runtime.h"
#include "lib/base/str.h"

struct logs_options {
	const char *dir; /* files.c: S/logs/<app> */
	const char *app; /* journal.c */
	const char *process; /* NULL: all */
	unsigned lines;
	bool follow;
};

int logs_from_files(const struct logs_options *options, struct err *err);
int logs_from_journal(const struct logs_options *options, struct err *err);

/* One JSON line on stdout; `time` is RFC 3339. -EPIPE when nobody reads any more. */
int logs_print(const struct instance_id *id, struct str time, struct str line);

#endif
