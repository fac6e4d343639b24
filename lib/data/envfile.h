/* SPDX-License-Identifier: Apache-2.0
 *
 * struct envfile: environment variables in order. Two forms of text are read:
 *
 *	envfile_parse()  what Berth writes (a release's `env`): NAME=VALUE, the value as it is to the
 *	                 end of the line, or a JSON string when it begins with '"'
 *	dotenv_parse()   what people write (.env): export, comments, blank space, quotes; "\n" and
 *	                 friends inside double quotes, nothing inside single ones, no interpolation
 *
 * Errors name file and line and never show a value: it may be a secret.
 */
#ifndef BERTH_DATA_ENVFILE_H
#define BERTH_DATA_ENVFILE_H

#include <stdbool.h>

#include "lib/base/err.h"

#define ENVFILE_BYTES_MAX (1u << 20)
#define ENVFILE_COUNT_MAX 1024
#define ENVFILE_VALUE_MAX (100u << 10) /* Linux takes 128 KiB for one string */

struct envfile_pair {
	char *name, *value;
};

struct envfile {
	struct envfile_pair *pairs;
	size_t count, capacity;
};

struct envfile *envfile_new(void);
void envfile_free(struct envfile *e); /* accepts NULL; values are wiped */

/* A later line of the same name wins in both forms. */
int envfile_parse(
	const char *file, const char *text, size_t len, struct envfile **ret, struct err *err);
int dotenv_parse(
	const char *file, const char *text, size_t len, struct envfile **ret, struct err *err);

/* Sets or replaces; refuses bad names, NUL, and values that no process can be given. */
int envfile_set(struct envfile *e, const char *name, const char *value, struct err *err);
bool envfile_unset(struct envfile *e, const char *name);
const char *envfile_get(const struct envfile *e, const char *name);

/* The text that envfile_parse() reads back, owned by the caller. */
char *envfile_format(const struct envfile *e);

static inline void envfile_freep(struct envfile **e)
{
	envfile_free(*e);
}

#endif
