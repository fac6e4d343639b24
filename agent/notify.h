/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling the service manager how it is (sd_notify(3)): one datagram, no library.
 */
#ifndef BERTH_AGENT_NOTIFY_H
#define BERTH_AGENT_NOTIFY_H

/* "READY=1", "STOPPING=1". Without a manager that listens, nothing happens. */
void notify_manager(const char *state);

#endif
