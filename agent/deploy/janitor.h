/* SPDX-License-Identifier: Apache-2.0
 *
 * struct janitor: removes folders in a thread of its own, so that no deploy waits for the files of an
 * old one. What is given to it is gone from its place at once; what a crash leaves half removed is
 * found by its name and removed at the next start.
 */
#ifndef BERTH_AGENT_JANITOR_H
#define BERTH_AGENT_JANITOR_H

#include "lib/base/err.h"

#define JANITOR_SUFFIX ".gone"

struct janitor;

struct janitor *janitor_new(void);
/* Waits for the folder in work; the rest stays for the next start. Accepts NULL. */
void janitor_free(struct janitor *j);

/* Moves the folder aside (<path>.gone) and removes it in the background. Absent is success. */
int janitor_remove(struct janitor *j, const char *path, struct err *err);

#endif
