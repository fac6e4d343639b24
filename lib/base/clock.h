/* SPDX-License-Identifier: Apache-2.0
 *
 * Time: monotonic milliseconds for deadlines, wall-clock milliseconds for records.
 */
#ifndef BERTH_BASE_CLOCK_H
#define BERTH_BASE_CLOCK_H

#include "lib/base/base.h"

int64_t clock_monotonic_ms(void);
int64_t clock_wall_ms(void); /* since 1970-01-01T00:00:00Z */

#define CLOCK_RFC3339_SIZE 25 /* "2026-01-31T23:59:59.123Z" and its NUL */
void clock_format_rfc3339(int64_t wall_ms, char to[CLOCK_RFC3339_SIZE]);

#endif
