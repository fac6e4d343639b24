/* SPDX-License-Identifier: Apache-2.0
 *
 * The environments of builds and of app processes. Both start from nothing and name what they let
 * in, so that a secret of whoever started the agent never reaches an app.
 */
#ifndef BERTH_BUILDERS_ENVIRONMENT_H
#define BERTH_BUILDERS_ENVIRONMENT_H

#include "builders/plan.h"
#include "lib/data/envfile.h"

/* PATH (the caller's own, or the system's), LANG, TZ. */
void environment_set_base(struct envfile *e);

/* For build steps: base, what tools need to reach their registries (proxy, certificates, pip, npm
 * and go settings of the sandbox), HOME and the plan's caches under `cache_dir`, the plan's build
 * environment, then `given` (may be NULL), which wins. */
int environment_of_build(struct envfile *e, const struct plan *p, const char *cache_dir,
	const struct envfile *given, struct err *err);

/* Puts the app's own programs (.venv/bin, node_modules/.bin) before PATH. */
int environment_add_programs(struct envfile *e, const char *app_dir, struct err *err);

/* "NAME=VALUE" strings, NULL-terminated; free with environment_array_free(). */
char **environment_array(const struct envfile *e);
void environment_array_free(char **array);

#endif
