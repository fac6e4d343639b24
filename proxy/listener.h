/* SPDX-License-Identifier: Apache-2.0
 *
 * struct listener: a listening socket in a worker's loop.
 */
#ifndef BERTH_PROXY_LISTENER_H
#define BERTH_PROXY_LISTENER_H

#include "proxy/worker.h"

struct listener {
	struct list link; /* worker->listeners */
	struct corpse corpse;
	struct worker *worker;
	ev_io io;
	ev_timer pause; /* while the process is out of descriptors */
	bool exhausted; /* it was, and the queue has not been empty since */
	bool secure;
	bool inherited; /* others have the socket, too */
};

/* Before the worker starts. Takes a listening, non-blocking socket. */
struct listener *listener_open(struct worker *w, int fd, bool secure);

/* Takes what already waits in the queue, then closes; but for an inherited socket: its queue goes
 * on to the process that listens next. */
void listener_close(struct listener *l);

#endif
