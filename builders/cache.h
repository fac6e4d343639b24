/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder that builds of one app keep between them: HOME, the caches of package managers, kept
 * results. Tools only ever add to it, so it has a limit.
 */
#ifndef BERTH_BUILDERS_CACHE_H
#define BERTH_BUILDERS_CACHE_H

#include <stdint.h>

#define CACHE_BYTES_MAX (1ll << 30)

/* Removes whole entries of the folder, the largest first, until it has at most `max` bytes. Returns
 * how many were removed. What cannot be read or removed stays. */
unsigned cache_trim(const char *cache_dir, int64_t max);

#endif
