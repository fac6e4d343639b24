/* SPDX-License-Identifier: Apache-2.0
 *
 * The volumes of a release, as its release.json names them.
 */
#ifndef BERTH_AGENT_RUNTIME_RELEASE_VOLUMES_H
#define BERTH_AGENT_RUNTIME_RELEASE_VOLUMES_H

#include "agent/runtime/runtime.h"

#define RELEASE_VOLUMES_MAX 16

struct release_volumes {
	unsigned count;
	char names[RELEASE_VOLUMES_MAX][IDENT_PROCESS_MAX + 1];
};

/* Reads S/apps/<app>/releases/<n>/release.json; a release without volumes, or without the file,
 * has none. */
int release_read_volumes(const char *state, const char *app, unsigned release,
	struct release_volumes *ret, struct err *err);

/* Makes S/apps/<app>/volumes/<v> for each of them (embedded runtime). */
int release_make_volumes(const char *state, const struct instance_id *id, struct err *err);

#endif
