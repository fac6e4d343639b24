/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking a pack into a quarantine and judging what it brings: the part of a push that a stranger
 * controls most. It runs in a child of its own with limits on memory, processor time and file size,
 * so that whatever happens to it (out of memory, a full disk, a loop in the indexer) ends as words
 * in the report, told by the parent.
 */
#ifndef BERTH_AGENT_GIT_UNPACK_H
#define BERTH_AGENT_GIT_UNPACK_H

#include <git2.h>

#include "agent/git/commands.h"
#include "agent/git/input.h"
#include "agent/git/pack_scan.h"
#include "lib/base/err.h"

#define UNPACK_CPU_SECONDS_MAX 300

struct unpack {
	git_repository *repo;
	const char *objects; /* of the quarantine */
	struct input *input;
	struct buf *pending; /* bytes of the pack that were read with the commands */
	const struct commands *commands;
	const struct pack_limits *limits;
	bool has_pack;
};

/* What the child writes to its pipe, line by line; the parent reads it with unpack_parse(). */
enum unpack_line {
	UNPACK_PROGRESS, /* words for the client */
	UNPACK_REFUSED, /* of the command `index`: words */
	UNPACK_FAILED, /* the whole push: words */
	UNPACK_DONE /* the name of the pack, or nothing when there is no pack to move */
};

struct unpack_event {
	enum unpack_line line;
	size_t index;
	struct str text; /* into the line */
};

/* The child's body: works, reports on `report_fd`, and returns its exit status. */
int unpack_run(const struct unpack *u, int report_fd);

/* -EBADMSG for a line that the child could not have written. */
int unpack_parse(struct str line, struct unpack_event *ret);

#endif
