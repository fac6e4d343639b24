/* SPDX-License-Identifier: Apache-2.0
 *
 * struct procfile: "name: command" lines, as Heroku and Dokku read them. Comment lines begin with
 * '#' or "//", " #" outside quotes ends a line, CRLF is fine, a name given twice is an error.
 */
#ifndef BERTH_DATA_PROCFILE_H
#define BERTH_DATA_PROCFILE_H

#include "lib/base/err.h"

#define PROCFILE_FILE "Procfile"
#define PROCFILE_BYTES_MAX (64u << 10)
#define PROCFILE_ENTRIES_MAX 16

struct procfile_entry {
	char *name; /* "release" is the release command, "web" gets requests */
	char *command;
	unsigned line;
};

struct procfile {
	struct procfile_entry *entries;
	size_t count;
};

int procfile_parse(
	const char *file, const char *text, size_t len, struct procfile **ret, struct err *err);
void procfile_free(struct procfile *p); /* accepts NULL */

/* The command of a name, NULL when there is none. */
const char *procfile_command(const struct procfile *p, const char *name);

static inline void procfile_freep(struct procfile **p)
{
	procfile_free(*p);
}

#endif
