/* SPDX-License-Identifier: Apache-2.0
 *
 * Deploy events as lines for a person behind "remote:".
 */
#include "agent/git/control.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>

#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/sys/fd.h"

#define EVENT_MAX (1u << 20) /* a plan can be long */
#define DEPLOY_MS_MAX (4 * 3600 * 1000) /* longer than any build may take, with its queue */

struct talk {
	struct reply *reply;
	bool is_over;
	int result;
	struct err *err;
};

static const char *text_of(const json_t *event, const char *key)
{
	const char *s = json_string_value(json_object_get(event, key));

	return s ? s : "";
}

static void on_state(struct talk *t, const json_t *event)
{
	static const struct {
		const char *state, *words;
	} shown[] = {
		{"queued", "waiting for its turn"},
		{"checkout", "checking out"},
		{"building", "building"},
		{"releasing", "running the release command"},
		{"starting", "starting"},
		{"checking", "checking health"},
		{"swapping", "going live"},
	};
	const char *state = text_of(event, "state");

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		if (streq(state, shown[i].state))
			reply_line(t->reply, "-----> %s", shown[i].words);
}

static void on_step(struct talk *t, const json_t *event)
{
	const char *name = text_of(event, "name"), *status = text_of(event, "status");
	json_int_t ms = json_integer_value(json_object_get(event, "ms"));
	char took[32];

	format_duration(ms > 0 ? (uint64_t)ms : 0, took, sizeof took);
	if (streq(status, "done"))
		reply_line(t->reply, "       %s: done in %s", name, took);
	else if (streq(status, "failed"))
		reply_line(t->reply, " !     %s: failed after %s", name, took);
	else
		reply_line(t->reply, "       %s", name);
}

static void end_failed(struct talk *t, const json_t *event)
{
	const char *reason = text_of(event, "reason"), *hint = text_of(event, "hint");
	const char *words = *reason ? reason : text_of(event, "state");

	reply_text(t->reply, " !     ", str_from(words));
	if (*hint)
		reply_text(t->reply, " !     ", str_from(hint));
	t->result = err_set(t->err, ECANCELED, "%s", *words ? words : "the deploy failed");
}

static void on_end(struct talk *t, const json_t *event)
{
	const char *state = text_of(event, "state");
	json_int_t release = json_integer_value(json_object_get(event, "release"));
	json_int_t ms = json_integer_value(json_object_get(event, "ms"));
	char took[32];

	t->is_over = true;
	t->result = 0;
	if (streq(state, "live")) {
		format_duration(ms > 0 ? (uint64_t)ms : 0, took, sizeof took);
		reply_line(t->reply, "=====> live at %s (v%lld in %s)", text_of(event, "url"),
			(long long)release, took);
	} else if (streq(state, "stored"))
		reply_line(t->reply, "=====> stored; this branch is not deployed");
	else
		end_failed(t, event);
}

static void on_event(struct talk *t, struct str line)
{
	json_t *event = json_loadb(line.p, line.len, JSON_ALLOW_NUL, NULL);
	const char *type = text_of(event, "type");

	if (streq(type, "state"))
		on_state(t, event);
	else if (streq(type, "step"))
		on_step(t, event);
	else if (streq(type, "log"))
		reply_text(t->reply, "       ", str_from(text_of(event, "line")));
	else if (streq(type, "reason") || streq(type, "notice"))
		reply_text(t->reply, "       ", str_from(text_of(event, "text")));
	else if (streq(type, "end"))
		on_end(t, event);
	json_decref(event);
}

static void take_lines(struct talk *t, struct buf *b)
{
	while (!t->is_over) {
		const char *start = buf_data(b);
		const char *end = buf_len(b) > 0 ? memchr(start, '\n', buf_len(b)) : NULL;
		if (!end)
			return;
		size_t n = (size_t)(end - start);
		on_event(t, (struct str){start, n});
		buf_consume(b, n + 1);
	}
}

static int tell(int fd, const struct command *cmd, bool is_only_branch)
{
	json_t *told = json_pack("{s:s, s:s, s:s, s:s, s:b}", "type", "pushed", "ref", cmd->ref,
		"commit", cmd->new_id, "old", cmd->old_id, "only_branch", is_only_branch);
	must(told);
	_cleanup_free_ char *line = json_dumps(told, JSON_COMPACT);
	json_decref(told);
	must(line);
	_cleanup_free_ char *text = xasprintf("%s\n", line);
	return fd_write_all(fd, text, strlen(text));
}

static int stopped(struct err *err)
{
	return err_set(err, ECANCELED,
		"berth-agent stopped before the deploy ended; see berth status, then push again");
}

int control_deploy(int fd, const struct command *cmd, bool is_only_branch, struct reply *reply,
	struct err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT(EVENT_MAX);
	struct talk t = {.reply = reply, .err = err};
	int64_t deadline = clock_monotonic_ms() + DEPLOY_MS_MAX;

	if (tell(fd, cmd, is_only_branch) < 0)
		return stopped(err);
	while (!t.is_over) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = poll(&p, 1, REPLY_KEEPALIVE_MS);
		if (clock_monotonic_ms() > deadline)
			return err_set(
				err, ECANCELED, "the deploy took too long; see berth status");
		if (n <= 0) {
			reply_keepalive(reply);
			continue;
		}
		ssize_t got = fd_read(fd, &b, 65536);
		if (got == -EAGAIN)
			continue;
		if (got == -ENOBUFS) {
			buf_clear(&b);
			continue;
		}
		if (got <= 0)
			return stopped(err);
		take_lines(&t, &b);
	}
	return t.result;
}
