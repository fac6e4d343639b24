/* SPDX-License-Identifier: Apache-2.0
 *
 * struct output: where words go. Data on stdout, everything else on stderr; colours and live
 * display only on a terminal that wants them. All text of others passes through text_clean().
 */
#ifndef BERTH_CLI_OUTPUT_H
#define BERTH_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/exit.h"
#include "lib/base/err.h"

struct output {
	bool is_json, is_quiet, is_verbose;
	bool out_is_terminal, err_is_terminal, in_is_terminal;
	bool out_color, err_color;
	bool is_unicode; /* the locale can show more than ASCII */
};

struct output_flags {
	bool json, quiet, verbose, no_color;
};

/* Looks at the descriptors and the environment (NO_COLOR, TERM, LC_ALL, LC_CTYPE, LANG). */
void output_init(struct output *o, const struct output_flags *f);

/* Columns of the terminal on descriptor fd; 0 when it is none. */
unsigned output_width(int fd);

/* An error for a person, or, with --json, {"error":{...}} on stdout. Returns its exit code. */
struct failure {
	int exit;
	char code[48]; /* "not_found"; "" derives it from the exit code */
	char message[ERR_MSG_MAX];
	char hint[ERR_MSG_MAX]; /* "": none */
};
int output_failure(const struct output *o, const struct failure *f);

/* The same from words; `hint` may be NULL. */
int output_fail(const struct output *o, enum cli_exit exit_code, const char *hint, const char *fmt,
	...) PRINTF_LIKE(4, 5);

/* A line of progress on stderr; not with --quiet. */
void output_note(const struct output *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A line of data on stdout, cleaned when stdout is a terminal. */
void output_line(const struct output *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What the exit codes are called in JSON. */
const char *output_code_name(int exit_code);

/* Flushes stdout; CLI_FAILED with words when what was printed could not be written. */
int output_finish(const struct output *o);

#endif
