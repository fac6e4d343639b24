/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host has to build with. The only thing that detection runs, and it runs nothing of the
 * app: `node --version` and the like, from "/", with a deadline. Unit tests put a table here.
 */
#ifndef BERTH_BUILDERS_TOOLCHAIN_H
#define BERTH_BUILDERS_TOOLCHAIN_H

#include "lib/base/err.h"

struct toolchain {
	/* The version of a program in PATH ("20.20.2"), owned by the caller; NULL: not installed. */
	char *(*version)(const struct toolchain *t, const char *program);
	const void *data;
};

/* Asks the programs themselves. */
extern const struct toolchain toolchain_of_host;

/* The path of a program in a PATH-like list, or of one with a '/' relative to `dir`; owned by the
 * caller, NULL when there is no executable file. */
char *toolchain_find(const char *path_list, const char *dir, const char *program);

#endif
