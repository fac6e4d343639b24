/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of a release, S/apps/<app>/releases/<n>: where its files are, what the agent writes into
 * it, and what it reads back. What a build wrote is read without following links: it comes out of a
 * sandbox.
 */
#ifndef BERTH_AGENT_RELEASE_FILES_H
#define BERTH_AGENT_RELEASE_FILES_H

#include "agent/runtime/runtime.h"
#include "agent/store/store.h"
#include "builders/plan.h"

/* S/apps/<app>/releases/<n>[/<leaf>]; leaf may be NULL; the caller frees. */
char *release_path(
	const struct runtime_paths *paths, const char *app, unsigned number, const char *leaf);

/* Makes the folder (0755) and its app/ empty, whatever an interrupted try left there. */
int release_make_dir(
	const struct runtime_paths *paths, const char *app, unsigned number, struct err *err);

/* plan.json as berth-build left it. */
int release_read_plan(const struct runtime_paths *paths, const char *app, unsigned number,
	struct plan **ret, struct err *err);

/* release.json: what a release is, for the agent after a restart and for berth-launch. */
struct release_file {
	const char *app;
	unsigned number, code_release;
	const char *commit;
	const struct plan *plan;
};
int release_write(
	const struct runtime_paths *paths, const struct release_file *file, struct err *err);
int release_load(const struct runtime_paths *paths, const char *app, unsigned number,
	struct plan **ret_plan, unsigned *ret_code_release, struct err *err);

/* An environment file (0600), replaced atomically: `first` (text of NAME=VALUE lines, may be NULL),
 * then the list, then APP_URL unless the list has one (app_url may be NULL). */
int release_write_env(const char *path, const char *first, const struct env_list *env,
	const char *app_url, struct err *err);

#endif
