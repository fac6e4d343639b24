/* SPDX-License-Identifier: Apache-2.0
 *
 * The control socket of lib/ipc/control.h, in the main thread's loop.
 */
#ifndef BERTH_PROXY_CONTROL_H
#define BERTH_PROXY_CONTROL_H

#include "proxy/proxy.h"

struct control;

/* Listens on the path; the file is removed by control_close(). */
int control_open(struct proxy *p, const char *path, struct control **ret, struct err *err);
void control_close(struct control *c); /* accepts NULL */

#endif
