/* SPDX-License-Identifier: Apache-2.0
 *
 * struct manifest: a berth.yaml, checked. It says what its author wrote and nothing about what
 * follows from it; builders/ merges it with the Procfile and the rules of a stack. The format is
 * described for people in docs/manifest.md.
 */
#ifndef BERTH_DATA_MANIFEST_H
#define BERTH_DATA_MANIFEST_H

#include <stdbool.h>

#include "lib/base/err.h"

#define MANIFEST_FILE "berth.yaml"
#define MANIFEST_PROCESSES_MAX 16
#define MANIFEST_LIST_MAX 64 /* domains, volumes, static folders */
#define MANIFEST_ENV_MAX 256
#define MANIFEST_COMMAND_MAX 8192

struct manifest_pair {
	char *name, *value;
};

struct manifest_health {
	char *path; /* NULL: not said */
	unsigned status; /* 0: not said */
	uint64_t timeout_ms; /* 0: not said */
};

struct manifest_process {
	char *name;
	char *command; /* NULL: the Procfile's, or the stack's */
	unsigned instances; /* 0: not said */
	uint64_t memory_max; /* bytes, 0: not said */
	uint64_t stop_timeout_ms; /* 0: not said */
	struct manifest_health health;
};

struct manifest_static {
	char *prefix; /* "/static" */
	char *dir; /* relative, inside the app */
	char *fallback; /* file under dir, or NULL */
};

struct manifest_build {
	char *stack; /* NULL: detect */
	char *command; /* NULL: none beside the stack's own */
	struct manifest_pair *env;
	size_t env_count;
	uint64_t memory_max; /* bytes, 0: not said */
};

struct manifest {
	char *app; /* NULL: not said */
	char **domains; /* normalised */
	size_t domain_count;
	struct manifest_build build;
	char *release; /* NULL: none */
	struct manifest_pair *env; /* defaults; what `berth env` sets wins */
	size_t env_count;
	struct manifest_process *processes;
	size_t process_count;
	char **volumes;
	size_t volume_count;
	struct manifest_static *statics;
	size_t static_count;
};

/* Parses the text of a berth.yaml; `file` is how errors call it. */
int manifest_parse(
	const char *file, const char *text, size_t len, struct manifest **ret, struct err *err);
void manifest_free(struct manifest *m); /* accepts NULL */

/* NULL when the manifest does not name the process. */
const struct manifest_process *manifest_process(const struct manifest *m, const char *name);

/* A relative path that stays inside: no "..", no absolute path, no empty part, no control
 * characters; "." is the folder itself. Shared with whoever reads such paths again. */
bool manifest_is_inner_path(const char *path);

static inline void manifest_freep(struct manifest **m)
{
	manifest_free(*m);
}

#endif
