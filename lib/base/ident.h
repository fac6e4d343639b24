/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that people choose and that end up in paths, unit names and host names. Every program
 * checks them again with these functions, above all the privileged one.
 */
#ifndef BERTH_BASE_IDENT_H
#define BERTH_BASE_IDENT_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#define IDENT_APP_MAX 40
#define IDENT_PROCESS_MAX 32
#define IDENT_DOMAIN_MAX 253
#define IDENT_ENV_MAX 128
#define IDENT_COMMIT_LEN 40 /* hexadecimal SHA-1 object id */

/* An app: [a-z0-9-]{1,40}, starting with a letter, no '-' at the end and no "--", so that it is a
 * DNS label and unit names built with "--" or "." are unambiguous. Errors say which rule. */
int ident_check_app(const char *name, struct err *err);

/* A process type or a volume: [a-z0-9_-]{1,32}, starting with a letter. */
int ident_check_process(const char *name, struct err *err);

/* A host name in lower case, RFC 1123 labels, not an IP address; a leading "*." is allowed when
 * `wildcard`. Use ident_normalise_domain() on what a person typed first. */
int ident_check_domain(const char *domain, bool wildcard, struct err *err);

/* Lower case, without the trailing dot, into `to` (IDENT_DOMAIN_MAX + 1 bytes); then checked. */
int ident_normalise_domain(const char *typed, bool wildcard, char *to, struct err *err);

/* An environment name: [A-Za-z_][A-Za-z0-9_]{0,127}. */
int ident_check_env(const char *name, struct err *err);

/* The same, and not one of those that berth itself gives to every process. */
int ident_check_app_env(const char *name, struct err *err);

bool ident_is_commit(const char *s);

#endif
