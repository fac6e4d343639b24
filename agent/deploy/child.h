/* SPDX-License-Identifier: Apache-2.0
 *
 * struct child: one program run by the engine (berth-git), of which only how it ended and the last
 * line it wrote to stderr are of interest.
 */
#ifndef BERTH_AGENT_CHILD_H
#define BERTH_AGENT_CHILD_H

#include <stdbool.h>

#include "lib/base/err.h"

struct ev_loop;
struct child;

/* `status` as from waitpid(2); `words` the last line of stderr, or "exited with status 3". The child
 * may be freed in it. Comes once, never from within child_start(). */
typedef void (*child_on_exit)(void *data, int status, const char *words);

int child_start(struct ev_loop *loop, const char *const *argv, child_on_exit on_exit, void *data,
	struct child **ret, struct err *err);
/* SIGKILL; on_exit still comes. */
void child_kill(struct child *c);
/* Kills without on_exit; accepts NULL. */
void child_free(struct child *c);

#endif
