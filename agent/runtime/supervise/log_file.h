/* SPDX-License-Identifier: Apache-2.0
 *
 * struct log_file: what an app printed, one line each with the time in front, in a file that is
 * turned over at LOG_FILE_MAX: at most two files, FILE and FILE.1. A full disk loses lines and never
 * holds up the app.
 */
#ifndef BERTH_AGENT_RUNTIME_SUPERVISE_LOG_FILE_H
#define BERTH_AGENT_RUNTIME_SUPERVISE_LOG_FILE_H

#include "agent/runtime/lines.h"

#define LOG_FILE_MAX (10u << 20)

struct log_file {
	char *path;
	int fd; /* -1: could not be opened, tried again with the next line */
	uint64_t size, size_max;
	struct line_splitter lines;
	struct buf out;
};

void log_file_init(struct log_file *l, const char *path, uint64_t size_max);
void log_file_free(struct log_file *l);

/* Takes output as it came, in pieces of any size. */
void log_file_feed(struct log_file *l, const char *data, size_t n);

/* Ends the line that has no newline: the writer is gone. */
void log_file_end_line(struct log_file *l);

#endif
