/* SPDX-License-Identifier: Apache-2.0
 *
 * struct plan: what detection found out about a source tree: how it is built, what runs, what is
 * served from disk, and why. Data only; berth-build executes it, the agent turns it into a release.
 * The JSON form (plan_format) is what `berth deploy --plan --json` prints.
 */
#ifndef BERTH_BUILDERS_PLAN_H
#define BERTH_BUILDERS_PLAN_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#define PLAN_BYTES_MAX (1u << 20)
#define PLAN_PROCESSES_MAX 16
#define PLAN_STEPS_MAX 32
#define PLAN_REASONS_MAX 64
#define PLAN_LIST_MAX 64 /* static folders, domains, volumes, caches */
#define PLAN_ENV_MAX 512
#define PLAN_TEXT_MAX 16384 /* a command, a value, a reason */

#define PLAN_HEALTH_TIMEOUT_MS 30000
#define PLAN_STOP_TIMEOUT_MS 30000

struct plan_step {
	char *name; /* "install dependencies" */
	char *command; /* for /bin/sh -c, in the app folder */
	char *result; /* folder that it makes and that may be kept for later builds, or NULL */
	char *key; /* of what the result is made from: the same key, the same result */
};

struct plan_pair {
	char *name, *value;
};

struct plan_health {
	char *path; /* NULL: any status below 500 on "/" */
	unsigned status; /* exact status wanted, 0: any below 400 on `path` */
	uint64_t timeout_ms; /* until the new release must be healthy */
};

struct plan_process {
	char *name; /* "web" gets requests; others are workers */
	char *command; /* for /bin/sh -c "exec ...", in the app folder */
	bool listens; /* has a socket: web, unless static only */
	bool unix_socket; /* the command names $LISTEN; else $PORT on 127.0.0.1 */
	unsigned instances;
	uint64_t memory_max; /* bytes */
	uint64_t stop_timeout_ms;
	struct plan_health health; /* of a process that listens */
};

struct plan_static {
	char *prefix; /* "/static", "/" for a static site */
	char *dir; /* relative to the app folder, "." for all of it */
	char *fallback; /* SPA: "index.html", else NULL */
};

struct plan {
	char *app; /* from the manifest, NULL when it does not say */
	char *stack; /* "static", "python", "node", "go", "procfile", "executable" */
	char *framework; /* "django", "fastapi", "express", ... or NULL */
	char **reasons; /* sentences: what was chosen and why */
	size_t reason_count;
	struct plan_step *steps;
	size_t step_count;
	char **caches; /* folder names under the build cache, exported to steps as their tools need */
	size_t cache_count;
	struct plan_pair *build_env; /* for the steps */
	size_t build_env_count;
	struct plan_pair *env; /* defaults for the processes; the app's own env wins */
	size_t env_count;
	struct plan_process *processes;
	size_t process_count;
	struct plan_static *statics;
	size_t static_count;
	char *release_command; /* NULL: none */
	char **domains; /* from the manifest */
	size_t domain_count;
	char **volumes;
	size_t volume_count;
	uint64_t build_memory_max; /* bytes, 0: the agent's default */
};

struct plan *plan_new(void);
void plan_free(struct plan *p); /* accepts NULL */

/* How builders fill a plan; all copy their arguments. The limits above are must()s here: what a
 * repository can grow is bounded before. */
void plan_add_reason(struct plan *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
void plan_add_step(struct plan *p, const char *name, const char *command);
/* The last step makes the folder `result` out of what `key` stands for (builders/keep.h). */
void plan_keep_result(struct plan *p, const char *result, const char *key);
void plan_add_cache(struct plan *p, const char *name); /* once, however often it is said */
void plan_set_build_env(struct plan *p, const char *name, const char *value);
void plan_set_env(struct plan *p, const char *name, const char *value);
/* The process of that name, made with the defaults when it is new. */
struct plan_process *plan_add_process(struct plan *p, const char *name);
struct plan_process *plan_process(const struct plan *p, const char *name); /* or NULL */
/* Sets the command and what follows from it: whether it listens, and on which kind of socket. */
void plan_set_command(struct plan_process *process, const char *command);
void plan_add_static(struct plan *p, const char *prefix, const char *dir, const char *fallback);
void plan_add_domain(struct plan *p, const char *domain);
void plan_add_volume(struct plan *p, const char *volume);
void plan_drop_static(struct plan *p, size_t index);

/* Every limit and name is checked again by plan_parse: the text comes out of a build sandbox. */
int plan_parse(const char *text, size_t len, struct plan **ret, struct err *err);
char *plan_format(const struct plan *p); /* ends with a newline, owned by the caller */

static inline void plan_freep(struct plan **p)
{
	plan_free(*p);
}

#endif
