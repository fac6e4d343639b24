/* SPDX-License-Identifier: Apache-2.0
 *
 * One event, one line, on stderr, with the priority prefix that journald reads (sd-daemon(3)).
 * Programs log at their edges; libraries do not log at all.
 *
 *	log_info("deploy.live", "app=%s release=%u ms=%lld", app, release, ms);
 *
 * The event is a stable, dotted name; the words behind it are key=value pairs. Control characters
 * in values are replaced, so that no value can forge a line.
 */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H

#include "lib/base/base.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Lines above this level are dropped. The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

void log_write(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_write(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_write(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
