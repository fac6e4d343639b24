/* SPDX-License-Identifier: Apache-2.0
 *
 * The raw form of commits, tags and trees, read strictly and without copying. Pure: what libgit2
 * hands us as bytes is parsed here, so that limits hold before anything is allocated for it.
 */
#ifndef BERTH_AGENT_GIT_OBJECT_H
#define BERTH_AGENT_GIT_OBJECT_H

#include "lib/base/ident.h"
#include "lib/base/str.h"

#define OBJECT_ID_LEN 20

enum object_mode {
	OBJECT_MODE_DIR = 0040000,
	OBJECT_MODE_FILE = 0100644,
	OBJECT_MODE_FILE_GROUP = 0100664, /* written by early versions of git */
	OBJECT_MODE_EXECUTABLE = 0100755,
	OBJECT_MODE_LINK = 0120000,
	OBJECT_MODE_SUBMODULE = 0160000
};

struct object_entry {
	unsigned mode;
	struct str name; /* not checked: name_entry_problem() */
	const unsigned char *id; /* OBJECT_ID_LEN bytes */
};

/* Takes the next entry off a tree's bytes: 1, 0 at the end, -EBADMSG when malformed. */
int object_next_entry(struct str *rest, struct object_entry *ret);

/* Takes the "tree" line off a commit's bytes (-EBADMSG when there is none); object_next_parent()
 * then takes its parents: 1, 0 after the last, -EBADMSG. The text is 40 hexadecimal digits. */
int object_commit_tree(struct str *rest, char ret_id[IDENT_COMMIT_LEN + 1]);
int object_next_parent(struct str *rest, char ret_id[IDENT_COMMIT_LEN + 1]);

/* What an annotated tag points to. */
int object_tag_target(struct str *rest, char ret_id[IDENT_COMMIT_LEN + 1]);

#endif
