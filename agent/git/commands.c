/* SPDX-License-Identifier: Apache-2.0
 *
 * Parsing of ref update commands.
 */
#include "agent/git/commands.h"

#include <errno.h>

#include "agent/git/pkt.h"

void commands_init(struct commands *c)
{
	*c = (struct commands){.count = 0};
}

static bool take_id(struct str *line, char to[IDENT_COMMIT_LEN + 1])
{
	if (line->len < IDENT_COMMIT_LEN ||
		str_copy(to, IDENT_COMMIT_LEN + 1, (struct str){line->p, IDENT_COMMIT_LEN}) < 0 ||
		!ident_is_commit(to))
		return false;
	line->p += IDENT_COMMIT_LEN;
	line->len -= IDENT_COMMIT_LEN;
	return true;
}

static bool take_space(struct str *line)
{
	if (line->len == 0 || line->p[0] != ' ')
		return false;
	line->p++;
	line->len--;
	return true;
}

static int take_shallow(struct commands *c, struct str line, struct err *err)
{
	if (c->shallow_count == COMMANDS_SHALLOW_MAX)
		return err_set(err, EBADMSG,
			"the shallow clone has more than %d cut-off points; fetch its history "
			"first (git fetch --unshallow)",
			COMMANDS_SHALLOW_MAX);
	if (!take_id(&line, c->shallow[c->shallow_count]) || line.len > 0)
		return err_set(err, EBADMSG, "a shallow line is malformed");
	c->shallow_count++;
	return 0;
}

static int take_capabilities(struct commands *c, struct str text, struct err *err)
{
	struct str word;

	while (str_split(&text, ' ', &word)) {
		if (str_eq(word, STR("report-status")))
			c->has_report_status = true;
		else if (str_eq(word, STR("side-band-64k")))
			c->has_side_band = true;
		else if (str_starts(word, STR("object-format=")) &&
			 !str_eq(word, STR("object-format=sha1")))
			return err_set(err, EBADMSG,
				"the repository uses SHA-256 object names; only SHA-1 "
				"repositories can be pushed");
	}
	return 0;
}

static int take_command(struct commands *c, struct str line, struct err *err)
{
	const char *nul = memchr(line.p, '\0', line.len);

	if (c->count == COMMANDS_MAX)
		return err_set(err, EBADMSG, "more than %d refs in one push", COMMANDS_MAX);
	if (nul) {
		struct str rest = {nul + 1, (size_t)(line.p + line.len - nul - 1)};
		line.len = (size_t)(nul - line.p);
		/* Capabilities stand on the first command only. */
		int r = c->count > 0 ? 0 : take_capabilities(c, rest, err);
		if (r < 0)
			return r;
	}
	struct command *cmd = &c->list[c->count];
	*cmd = (struct command){.kind = NAME_REF_REFUSED};
	if (!take_id(&line, cmd->old_id) || !take_space(&line) || !take_id(&line, cmd->new_id) ||
		!take_space(&line) || line.len == 0)
		return err_set(err, EBADMSG, "a ref update is malformed");
	if (line.len > NAME_REF_MAX)
		return err_set(err, EBADMSG, "a ref name has more than %d bytes", NAME_REF_MAX);
	if (memchr(line.p, '\n', line.len) || str_copy(cmd->ref, sizeof cmd->ref, line) < 0)
		return err_set(err, EBADMSG, "a ref update is malformed");
	cmd->kind = name_ref_kind(line);
	c->count++;
	return 0;
}

static int take_packet(struct commands *c, struct str line, struct err *err)
{
	if (line.len > 0 && line.p[line.len - 1] == '\n')
		line.len--;
	if (str_starts(line, STR("shallow ")))
		return take_shallow(c, (struct str){line.p + 8, line.len - 8}, err);
	if (str_starts(line, STR("push-cert")))
		return err_set(err, EBADMSG, "signed pushes are not supported");
	return take_command(c, line, err);
}

int commands_feed(struct commands *c, struct str in, size_t *ret_used, struct err *err)
{
	*ret_used = 0;
	while (!c->is_done) {
		enum pkt_kind kind = PKT_FLUSH;
		struct str payload = {0};
		ssize_t n = pkt_read(
			(struct str){in.p + *ret_used, in.len - *ret_used}, &kind, &payload);
		if (n < 0)
			return err_set(err, EBADMSG, "this is not git's protocol: a bad pkt-line");
		if (n == 0)
			return 0;
		*ret_used += (size_t)n;
		if (kind == PKT_FLUSH)
			c->is_done = true;
		else {
			int r = take_packet(c, payload, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

bool commands_is_zero(const char *id)
{
	return id[strspn(id, "0")] == '\0';
}

static const char *problem_of(const struct command *cmd)
{
	switch (cmd->kind) {
	case NAME_REF_BRANCH:
	case NAME_REF_TAG:
		break;
	case NAME_REF_PUSH:
		if (strcmp(cmd->ref + strlen("refs/berth/push/"), cmd->new_id) != 0)
			return "its name must be the commit's";
		break;
	case NAME_REF_RELEASE:
		return "this ref is berth's own";
	case NAME_REF_REFUSED:
		return "only branches and tags with plain names are taken";
	}
	if (commands_is_zero(cmd->new_id))
		return "refs are not deleted by a push; to remove the app: berth apps destroy";
	return NULL;
}

void commands_check(struct commands *c)
{
	bool has_branch = false;

	for (size_t i = 0; i < c->count; i++) {
		struct command *cmd = &c->list[i];
		const char *problem = problem_of(cmd);
		for (size_t k = 0; !problem && k < i; k++)
			if (streq(c->list[k].ref, cmd->ref))
				problem = "it is there twice";
		if (!problem && cmd->kind == NAME_REF_BRANCH) {
			if (has_branch)
				problem = "one branch at a time: each push of a branch is a deploy";
			has_branch = true;
		}
		if (problem)
			(void)snprintf(cmd->problem, sizeof cmd->problem, "%s", problem);
	}
}

bool commands_expect_pack(const struct commands *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!commands_is_zero(c->list[i].new_id))
			return true;
	return false;
}

void commands_refuse_all(struct commands *c, const char *problem)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].problem[0] == '\0')
			(void)snprintf(
				c->list[i].problem, sizeof c->list[i].problem, "%s", problem);
}
