/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds the logs of an app: each instance of each release leaves up to two files behind.
 */
#ifndef BERTH_AGENT_RUNTIME_SUPERVISE_LOG_PRUNE_H
#define BERTH_AGENT_RUNTIME_SUPERVISE_LOG_PRUNE_H

#include "lib/base/base.h"

#define LOG_PRUNE_FILES 40
#define LOG_PRUNE_BYTES (64u << 20)

/* Removes the oldest logs beside `log_path`, never that one or its FILE.1, until at most `files_max`
 * files with `bytes_max` bytes are there. An instance that still writes to a removed one makes a
 * new one (log_file.c). */
void log_prune(const char *log_path, size_t files_max, uint64_t bytes_max);

#endif
