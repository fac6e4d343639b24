/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a unit: its text, its link for the boot, the copies of what it loads, its pipe.
 */
#ifndef BERTH_AGENT_HOSTD_UNIT_FILES_H
#define BERTH_AGENT_HOSTD_UNIT_FILES_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/ipc/hostd.h"

/* Writes everything that the unit needs. `ret_changed`: a unit of that name with another text was
 * there, so systemd must read it again. */
int unit_files_write(const struct hostd_request *r, bool *ret_changed, struct err *err);

/* The unit does not start at boot any more. */
void unit_files_disable(const struct hostd_request *r);
void unit_files_remove(const struct hostd_request *r);
bool unit_files_exist(const struct hostd_request *r);
bool unit_files_enabled(const struct hostd_request *r);

/* Both ends of a task's output pipe; the holder keeps it open until the task has opened it. */
int unit_files_open_output(const struct hostd_request *r, int *ret_reader, int *ret_holder);

/* Calls back for each unit that has files, instances or tasks. */
void unit_files_each(
	bool tasks, void (*each)(void *data, const struct hostd_request *unit), void *data);

#endif
