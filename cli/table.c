/* SPDX-License-Identifier: Apache-2.0
 *
 * Aligned columns.
 */
#include "cli/table.h"

#include "cli/text.h"

#define GAP 2

void table_init(struct table *t, const char *const *heading, size_t columns)
{
	must(columns > 0 && columns <= TABLE_COLUMNS_MAX);
	*t = (struct table){.columns = columns};
	table_add(t, heading);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}

void table_add(struct table *t, const char *const *cells)
{
	if (t->rows == t->capacity) {
		t->capacity = t->capacity ? t->capacity * 2 : 16;
		t->cells = xrealloc(t->cells, t->capacity * t->columns, sizeof *t->cells);
	}
	char **row = t->cells + t->rows++ * t->columns;
	for (size_t i = 0; i < t->columns; i++) {
		row[i] = text_cleaned(cells[i]);
		if (!*row[i]) {
			free(row[i]);
			row[i] = xstrdup("-");
		}
	}
}

static int append_padding(struct buf *to, size_t n)
{
	int k = 0;
	while (n-- > 0 && k == 0)
		k = buf_append(to, " ", 1);
	return k;
}

static int format_row(
	const struct table *t, size_t row, const size_t *widths, size_t width, struct buf *to)
{
	size_t at = 0;
	int k = 0;
	for (size_t i = 0; i < t->columns && k == 0; i++) {
		struct str cell = str_from(t->cells[row * t->columns + i]);
		if (i + 1 < t->columns) {
			k = buf_append(to, cell.p, cell.len);
			if (k == 0)
				k = append_padding(to, widths[i] - text_width(cell) + GAP);
			at += widths[i] + GAP;
			continue;
		}
		if (width > at && text_width(cell) > width - at) {
			cell = text_fit(cell, width - at - 1);
			k = buf_append(to, cell.p, cell.len);
			return k < 0 ? k : buf_puts(to, "…");
		}
		k = buf_append(to, cell.p, cell.len);
	}
	return k;
}

void table_format(const struct table *t, size_t width, const char *bold, struct buf *to)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};
	for (size_t i = 0; i < t->rows * t->columns; i++) {
		size_t w = text_width(str_from(t->cells[i]));
		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t row = 0; row < t->rows; row++) {
		bool is_bold = bold && row == 0;
		if ((is_bold && buf_puts(to, bold) < 0) ||
			format_row(t, row, widths, width, to) < 0 ||
			(is_bold && buf_puts(to, "\x1b[0m") < 0) || buf_puts(to, "\n") < 0)
			return;
	}
}
