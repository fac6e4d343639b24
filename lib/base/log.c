/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines. A line is written with one write(2), so that lines of several threads do not mix.
 */
#include "lib/base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 4096

static enum log_level max_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	if (level > max_level)
		return;
	int head = snprintf(line, sizeof line, "<%d>%s ", (int)level, event);
	must(head > 0 && head < 256);
	va_start(ap, fmt);
	int body = vsnprintf(line + head, sizeof line - (size_t)head, fmt, ap);
	va_end(ap);
	if (body < 0)
		return;
	size_t len = (size_t)head + (size_t)body;
	if (len > sizeof line - 1)
		len = sizeof line - 1;
	for (size_t i = (size_t)head; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	(void)!write(STDERR_FILENO, line, len);
}
