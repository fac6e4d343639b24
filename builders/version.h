/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions of languages against what an app asks for: Python's specifiers (">=3.10,<4") and npm's
 * ranges ("^20 || >=22.1"). Only numbers are compared; whatever else is in them is UNKNOWN, which
 * callers take as a yes.
 */
#ifndef BERTH_BUILDERS_VERSION_H
#define BERTH_BUILDERS_VERSION_H

#include "lib/base/str.h"

enum version_answer { VERSION_NO, VERSION_YES, VERSION_UNKNOWN };

/* `have` is "3.11.2"; PEP 440, "Version specifiers". */
enum version_answer version_matches_python(const char *have, const char *specifier);

/* node-semver ranges; also "20", "v20.1", "20.x", "*". */
enum version_answer version_matches_npm(const char *have, const char *range);

/* -1, 0, 1 for dotted numbers, missing parts are 0; text behind the numbers is ignored. */
int version_compare(const char *a, const char *b);

#endif
