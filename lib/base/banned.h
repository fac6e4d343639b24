/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that have no safe use in this project; using one does not compile. Formatting goes
 * through snprintf, xasprintf or struct buf, numbers through lib/base/parse.h.
 */
#ifndef BERTH_BASE_BANNED_H
#define BERTH_BASE_BANNED_H

/* These must be declared before they are poisoned. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gets
#pragma GCC poison mktemp tmpnam tempnam
/* Not ctime: a field of a public libgit2 struct has that name; clang-tidy finds the function. */
#pragma GCC poison localtime gmtime asctime

#endif
