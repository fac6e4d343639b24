/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files cli/git*.c share: the inside of struct source. Nobody else includes this.
 */
#ifndef BERTH_CLI_GIT_INTERNAL_H
#define BERTH_CLI_GIT_INTERNAL_H

#include <git2.h>

#include "cli/git.h"

struct source {
	git_repository *repo; /* work tree: the person's files; objects: see source_isolate() */
	char *folder; /* absolute; what is deployed */
	char *prefix; /* of the folder in the work tree, with a final slash; "" at the top */
	bool is_private; /* there is no repository; `repo` is our stand-in */
	char *temporary; /* folder of the index and the objects that we write; NULL until needed */
	git_odb *odb; /* the repository's objects, with ours on top; NULL until needed */
	struct source_commit commit;
	char *branch, *message, *author;
	char *left_out[SOURCE_LEFT_OUT_MAX];
};

/* Words with libgit2's behind them; -EIO. */
int source_err(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Makes everything that libgit2 writes from here on go to the temporary folder. */
int source_isolate(struct source *s, struct err *err);

/* Rules of .gitignore form for what nobody means to deploy: secrets, installed packages, caches. */
int source_ignore_rules(struct source *s, struct err *err);

/* Fills commit.left_out with what these rules left out. */
int source_list_left_out(struct source *s, struct err *err);

#endif
