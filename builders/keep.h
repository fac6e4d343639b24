/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step makes is kept in the build cache under the hash of what it was made from, and copied
 * instead of made again: a second deploy of a Python app does not wait for pip. Only the newest of
 * each is kept. Failing to keep or to restore is never an error: the step is simply run.
 */
#ifndef BERTH_BUILDERS_KEEP_H
#define BERTH_BUILDERS_KEEP_H

#include <stdbool.h>

#include "builders/plan.h"

/* Copies the kept result of the step into the app's folder, with the paths in its scripts made
 * those of this folder (a virtual environment knows where it is). False: there is none. */
bool keep_restore(const char *cache_dir, const char *app_dir, const struct plan_step *step);

/* Keeps what the step has just made. */
void keep_save(const char *cache_dir, const char *app_dir, const struct plan_step *step);

#endif
