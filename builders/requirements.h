/* SPDX-License-Identifier: Apache-2.0
 *
 * Which Python packages an app asks for: the names in requirements.txt lines and PEP 508 strings.
 * Names are normalised ("Flask_Login" is "flask-login", PEP 503); an extra is kept as an entry of
 * its own ("fastapi[standard]"). Substrings never match: flask-cors is not flask.
 */
#ifndef BERTH_BUILDERS_REQUIREMENTS_H
#define BERTH_BUILDERS_REQUIREMENTS_H

#include "lib/base/str.h"

#define REQUIREMENTS_MAX 2000

struct requirements {
	char **names;
	size_t count;
	bool local; /* asks for something by path: ".", "-e ./lib", "file:" */
};

/* Called for "-r FILE" and "-c FILE" lines (`constraint`); the path is as written. */
typedef void (*requirements_on_include)(void *data, const char *path, bool constraint);

void requirements_parse(struct requirements *r, const char *text, size_t len,
	requirements_on_include on_include, void *data);

/* One PEP 508 string: "uvicorn[standard] >= 0.20 ; python_version > '3'". */
void requirements_add(struct requirements *r, struct str requirement);

/* "fastapi" or "fastapi[standard]", normalised. */
bool requirements_has(const struct requirements *r, const char *name);

void requirements_free(struct requirements *r);

#endif
