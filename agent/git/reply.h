/* SPDX-License-Identifier: Apache-2.0
 *
 * struct reply: what the client of a push sees: lines as remote messages (side-band 2) while it
 * waits, then the report of each ref. A client that went away does not stop the work.
 */
#ifndef BERTH_AGENT_GIT_REPLY_H
#define BERTH_AGENT_GIT_REPLY_H

#include "agent/git/commands.h"

struct reply {
	int fd;
	bool has_side_band, has_report_status;
	bool is_client_gone;
	int64_t last_write_ms;
};

void reply_init(struct reply *r, int fd, const struct commands *c);

/* One line, cleaned of control characters; nothing for a client without side-band-64k. */
void reply_line(struct reply *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void reply_text(struct reply *r, const char *prefix, struct str text);

/* An empty packet, so that no proxy in between takes the silence for death; only when nothing was
 * written for REPLY_KEEPALIVE_MS. */
#define REPLY_KEEPALIVE_MS 5000
void reply_keepalive(struct reply *r);

/* report-status: "ok", or "ng" with its problem, for each command. "unpack" is always said to be ok:
 * clients show the words of a ref, and lose those of a failed unpack (libgit2 does). */
void reply_report(struct reply *r, const struct commands *c);

#endif
