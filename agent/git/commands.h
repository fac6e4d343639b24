/* SPDX-License-Identifier: Apache-2.0
 *
 * The first part of a push: which refs the client wants where (gitprotocol-pack(5), "Reference
 * Update Request"). Pure; the pack follows behind what commands_feed() took.
 */
#ifndef BERTH_AGENT_GIT_COMMANDS_H
#define BERTH_AGENT_GIT_COMMANDS_H

#include "agent/git/name.h"
#include "lib/base/err.h"
#include "lib/base/ident.h"

#define COMMANDS_MAX 64
#define COMMANDS_SHALLOW_MAX 64

struct command {
	char old_id[IDENT_COMMIT_LEN + 1], new_id[IDENT_COMMIT_LEN + 1];
	char ref[NAME_REF_MAX + 1];
	enum name_ref_kind kind;
	/* Why it is refused; "" while nothing speaks against it. */
	char problem[ERR_MSG_MAX];
};

struct commands {
	struct command list[COMMANDS_MAX];
	size_t count;
	/* Commits whose parents the client has not got itself. */
	char shallow[COMMANDS_SHALLOW_MAX][IDENT_COMMIT_LEN + 1];
	size_t shallow_count;
	bool has_report_status, has_side_band;
	bool is_done; /* the flush packet was seen */
};

void commands_init(struct commands *c);

/* Takes whole packets off the front of `in`; *ret_used says how many bytes. 0 whether or not all
 * is there (c->is_done), or -EBADMSG with words when this is not git's protocol. */
int commands_feed(struct commands *c, struct str in, size_t *ret_used, struct err *err);

/* Once is_done: marks the commands that can never be carried out (deletes, refs that are ours or of
 * no known kind, a second branch). */
void commands_check(struct commands *c);

/* Does a pack follow? It does unless everything is a delete, even when nothing is in it. */
bool commands_expect_pack(const struct commands *c);

bool commands_is_zero(const char *id);

/* Sets the problem of those that have none yet. */
void commands_refuse_all(struct commands *c, const char *problem);

#endif
