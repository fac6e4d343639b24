/* SPDX-License-Identifier: Apache-2.0
 *
 * struct source: an app's folder as git sees it, and how its content gets to an agent. With
 * cli/git_*.c the only place of the CLI that knows libgit2.
 *
 * What a person has is never changed: not the index, branches, refs or objects of the repository,
 * not the files. A commit of a dirty tree is written to an object folder of its own in a temporary
 * place, for which the repository's objects are an alternate.
 *
 *	source_open() -> source_snapshot() -> source_push() -> source_free()
 */
#ifndef BERTH_CLI_GIT_H
#define BERTH_CLI_GIT_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/ident.h"

struct http_client;
struct source;

/* Finds the repository that `folder` is in (its parents too). When there is none, a private bare
 * repository under the user's cache folder stands in, with `folder` as its work tree.
 * -EINVAL with words for a SHA-256 repository and other things that cannot be deployed. */
int source_open(const char *folder, struct source **ret, struct err *err);
void source_free(struct source *s); /* accepts NULL; removes the temporary objects */

bool source_is_repository(const struct source *s); /* false: the private stand-in */

/* The HEAD branch without a snapshot, NULL when detached or none. Owned by the source. */
const char *source_branch(const struct source *s);

/* What is to be deployed. Owned by the source, valid until the next snapshot or its end. */
struct source_commit {
	char commit[IDENT_COMMIT_LEN + 1]; /* to push and to deploy */
	char head[IDENT_COMMIT_LEN + 1]; /* the HEAD it was made from; "" when there is none */
	const char *branch; /* NULL: detached HEAD, or no repository */
	const char *message; /* first line of HEAD's message; NULL when there is none */
	const char *author; /* "Name <mail>"; NULL */
	bool dirty; /* `commit` is a snapshot of the work tree and not HEAD itself */
	bool subfolder; /* `folder` is not the top of the repository: its tree alone is deployed */
	bool shallow; /* the repository is a shallow clone: the snapshot has no parents */
	/* Paths that the built-in rules left out of a folder without git (".env", "node_modules/"),
	 * to be told to the user; at most SOURCE_LEFT_OUT_MAX, `left_out_total` counts all. */
	const char *const *left_out;
	size_t left_out_count, left_out_total;
};
#define SOURCE_LEFT_OUT_MAX 16

/* HEAD itself when the work tree is clean, else a commit of the work tree: modified, deleted and
 * untracked files, without ignored ones. -ENOENT with words when there is nothing to deploy. */
int source_snapshot(struct source *s, const struct source_commit **ret, struct err *err);

/* {"commit","branch","message","author","dirty"} as the API takes it with a deploy, without what is
 * unknown. Caller frees. */
char *source_describe(const struct source_commit *c);

/* Progress of a push, called often; the caller decides what to show. `objects_total` is 0 while
 * objects are still being counted. */
struct source_progress {
	void (*on_progress)(void *data, size_t objects, size_t objects_total, size_t bytes);
	/* A line that the agent sent, without its newline. */
	void (*on_message)(void *data, const char *line);
	void *data;
};

/* Sends the commit of the last snapshot to refs/berth/push/<commit> of the app's repository on the
 * agent: only what the agent lacks, nothing when it has the commit already (*ret_sent is false).
 * `progress` may be NULL. Errors are those of cli/http.h; -EPROTO with the agent's words when it
 * refused the push, -EACCES when it refused the token, -EBUSY when it has too many
 * pushes already, -ENOSPC when its disk is full. */
int source_push(struct source *s, struct http_client *http, const char *app,
	const struct source_progress *progress, bool *ret_sent, struct err *err);

#endif
