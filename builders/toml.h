/* SPDX-License-Identifier: Apache-2.0
 *
 * Just enough TOML to read a pyproject.toml: tables, keys, strings, and arrays of strings. It
 * checks nothing: a file that is not TOML gives what can be made out of it, and the tools that the
 * file is for will say what is wrong.
 */
#ifndef BERTH_BUILDERS_TOML_H
#define BERTH_BUILDERS_TOML_H

#include "lib/base/str.h"

/* Called for every text, number or flag, with its table ("tool.poetry") and key; for each item of
 * an array; with an empty value for each inline table, and once for each table header with a NULL
 * key. The strings last for the call. */
typedef void (*toml_on_value)(void *data, const char *table, const char *key, const char *value);

void toml_walk(const char *text, size_t len, toml_on_value on_value, void *data);

#endif
