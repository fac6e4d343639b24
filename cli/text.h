/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for a terminal: what others wrote made harmless, widths, times for people. Pure.
 */
#ifndef BERTH_CLI_TEXT_H
#define BERTH_CLI_TEXT_H

#include "lib/base/buf.h"
#include "lib/base/str.h"

/* Appends `in` as one line that a terminal can only show: escape sequences are dropped whole,
 * tabs are spaces, other control and direction characters are dropped, bytes that are not UTF-8
 * become U+FFFD, and what a carriage return would overwrite is left out. Stops, without an error,
 * where `to` is full. */
void text_clean(struct str in, struct buf *to);

/* The same as a string; caller frees. NULL gives "". */
char *text_cleaned(const char *in);

/* Columns that clean text takes. */
size_t text_width(struct str s);

/* The start of clean text that fits in `columns`. */
struct str text_fit(struct str s, size_t columns);

/* "just now", "5m ago", "3h ago", "4d ago", then the date. `to` has TEXT_AGO_SIZE bytes. */
#define TEXT_AGO_SIZE 24
void text_ago(int64_t then_ms, int64_t now_ms, char *to);

/* RFC 3339 with or without fraction, in UTC or with an offset, to wall-clock milliseconds;
 * -EINVAL. */
int text_parse_time(const char *s, int64_t *ret_ms);

#endif
