/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks.
 */
#include "lib/base/clock.h"

#include <time.h>

static int64_t now_ms(clockid_t id)
{
	struct timespec ts;
	must(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_monotonic_ms(void)
{
	return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return now_ms(CLOCK_REALTIME);
}

void clock_format_rfc3339(int64_t wall_ms, char to[CLOCK_RFC3339_SIZE])
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	char seconds[CLOCK_RFC3339_SIZE - 4];
	unsigned ms = (unsigned)(wall_ms % 1000);

	must(gmtime_r(&s, &tm) != NULL);
	must(strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm) > 0);
	(void)snprintf(to, CLOCK_RFC3339_SIZE, "%.19s.%03uZ", seconds, ms % 1000);
}
