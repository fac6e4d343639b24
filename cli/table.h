/* SPDX-License-Identifier: Apache-2.0
 *
 * struct table: rows of clean text in aligned columns. The last column may be cut to the width of
 * the terminal; nothing else ever is.
 */
#ifndef BERTH_CLI_TABLE_H
#define BERTH_CLI_TABLE_H

#include "lib/base/buf.h"

#define TABLE_COLUMNS_MAX 10

struct table {
	size_t columns;
	char **cells; /* row by row; the first row is the heading */
	size_t rows, capacity;
};

/* `heading` has one title a column. Texts are copied and cleaned. */
void table_init(struct table *t, const char *const *heading, size_t columns);
void table_free(struct table *t);

/* One row; a NULL or empty cell shows as "-". */
void table_add(struct table *t, const char *const *cells);

/* Appends the lines; `width` 0 cuts nothing, `bold` is put round the heading when not NULL. */
void table_format(const struct table *t, size_t width, const char *bold, struct buf *to);

#endif
