/* SPDX-License-Identifier: Apache-2.0
 *
 * Ctrl-C (SIGINT, and SIGTERM, which CI systems send) as a descriptor to wait on. The third one
 * ends the program, whatever it is doing.
 */
#ifndef BERTH_CLI_INTERRUPT_H
#define BERTH_CLI_INTERRUPT_H

/* Takes the signals over; the descriptor becomes readable with each. Call once. */
int interrupt_open(void);

/* How many came so far; drains the descriptor. */
unsigned interrupt_count(void);

#endif
