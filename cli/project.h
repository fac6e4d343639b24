/* SPDX-License-Identifier: Apache-2.0
 *
 * struct project: the folder that a command is about, and which app it is. The folder is the
 * nearest one above the working directory that has a berth.yaml, not above its git repository;
 * without one, the working directory itself.
 */
#ifndef BERTH_CLI_PROJECT_H
#define BERTH_CLI_PROJECT_H

#include "lib/base/err.h"
#include "lib/base/ident.h"

struct project {
	char *dir; /* absolute */
	char *manifest_path; /* NULL: there is none */
};

/* `dir` is the value of -C, or NULL. */
int project_find(const char *dir, struct project *ret, struct err *err);
void project_clear(struct project *p);

/* Checks berth.yaml; -EINVAL with "file:line:column: ...". *ret_app is its `app:` or NULL, owned by
 * the caller; NULL and success when there is no file. */
int project_check(const struct project *p, char **ret_app, struct err *err);

/* A valid app name made from a folder's: "My Shop.io" gives "my-shop-io". */
void project_name_from_folder(const char *dir, char to[IDENT_APP_MAX + 1]);

#endif
