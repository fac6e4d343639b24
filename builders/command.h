/* SPDX-License-Identifier: Apache-2.0
 *
 * Start commands as people write them: lines for /bin/sh. Read just far enough to know which
 * program a line starts, and whether the shell can step aside with exec. Never runs anything.
 */
#ifndef BERTH_BUILDERS_COMMAND_H
#define BERTH_BUILDERS_COMMAND_H

#include "lib/base/str.h"

/* What to give `sh -c` so that the program replaces the shell and gets the signals itself: "exec"
 * before the program of a simple command (behind NAME=VALUE words), the line as it is when it is
 * more than one command. Owned by the caller. */
char *command_for_exec(const char *command);

/* The program that a command starts: "gunicorn", "./bin/shop"; owned by the caller. NULL when it
 * cannot be known without a shell: expansions, several commands, a builtin. */
char *command_program(const char *command);

/* One command: no pipes, lists, redirections, subshells or unclosed quotes. */
bool command_is_simple(const char *command);

#endif
