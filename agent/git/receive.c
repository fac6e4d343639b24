/* SPDX-License-Identifier: Apache-2.0
 *
 * A push.
 */
#include "agent/git/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent/git/control.h"
#include "agent/git/prune.h"
#include "agent/git/quarantine.h"
#include "agent/git/refs.h"
#include "agent/git/repo.h"
#include "agent/git/shallow.h"
#include "agent/git/unpack.h"
#include "lib/base/clock.h"
#include "lib/sys/fd.h"
#include "lib/sys/proc.h"

#define STALL_MS 120000 /* a client sends nothing for that long */
#define COMMANDS_BYTES_MAX (1u << 20)
#define DRAIN_BYTES_MAX ((uint64_t)64 << 20)
#define PUSH_MS_MAX (2 * 3600 * 1000)
#define REPORT_LINE_MAX 8192

struct push {
	const struct receive_options *options;
	git_repository *repo;
	struct quarantine quarantine;
	struct input input;
	struct buf pending;
	struct commands commands;
	struct reply reply;
	char unpack[ERR_MSG_MAX]; /* "ok", or why the pack was not taken */
	char pack[GIT_OID_HEXSZ + 1]; /* to move in, "" for none */
	bool is_unpack_over;
	int prune_lock; /* held while objects have no ref yet */
};

static int read_commands(struct push *p, struct err *err)
{
	size_t used = 0, total = 0;
	int r = 0;

	while (!p->commands.is_done) {
		ssize_t n = input_read(&p->input, &p->pending, err);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return err_set(err, EBADMSG, "the request ends before its commands do");
		r = commands_feed(&p->commands,
			(struct str){buf_data(&p->pending), buf_len(&p->pending)}, &used, err);
		if (r < 0)
			return r;
		buf_consume(&p->pending, used);
		total += used;
		if (total > COMMANDS_BYTES_MAX)
			return err_set(err, EBADMSG, "the request has too many commands");
	}
	return 0;
}

static bool has_good(const struct push *p)
{
	for (size_t i = 0; i < p->commands.count; i++)
		if (p->commands.list[i].problem[0] == '\0')
			return true;
	return false;
}

/* What can be said before the pack is looked at. */
static void check_refs(struct push *p)
{
	size_t refs = refs_count(p->repo);

	commands_check(&p->commands);
	for (size_t i = 0; i < p->commands.count; i++) {
		struct command *cmd = &p->commands.list[i];
		struct err why = {0};
		if (cmd->problem[0] != '\0')
			continue;
		if (commands_is_zero(cmd->old_id) && refs++ >= REFS_MAX)
			(void)err_set(
				&why, EBADMSG, "the repository has %d refs already", REFS_MAX);
		else if (cmd->kind != NAME_REF_PUSH)
			(void)refs_expect(p->repo, cmd->ref, cmd->old_id, &why);
		(void)snprintf(cmd->problem, sizeof cmd->problem, "%s", why.msg);
	}
}

static void on_unpack_line(struct push *p, struct str line)
{
	struct unpack_event e;

	if (unpack_parse(line, &e) < 0)
		return;
	switch (e.line) {
	case UNPACK_PROGRESS:
		reply_text(&p->reply, "", e.text);
		return;
	case UNPACK_REFUSED:
		if (e.index < p->commands.count)
			(void)snprintf(p->commands.list[e.index].problem, ERR_MSG_MAX, STR_FMT,
				STR_ARG(e.text));
		return;
	case UNPACK_FAILED:
		(void)snprintf(p->unpack, sizeof p->unpack, STR_FMT, STR_ARG(e.text));
		break;
	case UNPACK_DONE:
		(void)snprintf(p->unpack, sizeof p->unpack, "ok");
		(void)snprintf(p->pack, sizeof p->pack, STR_FMT, STR_ARG(e.text));
		break;
	}
	p->is_unpack_over = true;
}

static void take_lines(struct push *p, struct buf *b)
{
	const char *end;

	while (buf_len(b) > 0 && (end = memchr(buf_data(b), '\n', buf_len(b))) != NULL) {
		size_t n = (size_t)(end - buf_data(b));
		on_unpack_line(p, (struct str){buf_data(b), n});
		buf_consume(b, n + 1);
	}
}

/* Reads the child's reports until it closes its end. */
static void follow_unpack(struct push *p, pid_t child, int fd)
{
	_cleanup_buf_ struct buf b = BUF_INIT(REPORT_LINE_MAX);
	int64_t deadline = clock_monotonic_ms() + PUSH_MS_MAX;

	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		int n = poll(&pfd, 1, REPLY_KEEPALIVE_MS);
		if (clock_monotonic_ms() > deadline)
			(void)kill(child, SIGKILL);
		if (n <= 0) {
			reply_keepalive(&p->reply);
			continue;
		}
		if (fd_read(fd, &b, 4096) <= 0)
			return;
		take_lines(p, &b);
	}
}

/* A child that did not say how it ended. */
static void explain_death(struct push *p, int status)
{
	const char *why = "berth-git failed while unpacking";

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		why = "unpacking took more processor time than a push may";
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS)
		why = "the host's disk is full";
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		why = "unpacking took more memory than a push may";
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		why = "unpacking took more time or memory than a push may";
	(void)snprintf(p->unpack, sizeof p->unpack, "%s", why);
}

static int run_unpack(struct push *p, struct err *err)
{
	int fds[2], status = 0;
	const struct unpack unpack = {
		.repo = p->repo,
		.objects = p->quarantine.objects,
		.input = &p->input,
		.pending = &p->pending,
		.commands = &p->commands,
		.limits = &p->options->limits,
		.has_pack = commands_expect_pack(&p->commands),
	};

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start unpacking");
	pid_t parent = getpid();
	pid_t child = fork();
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(fds[0]);
		_exit(getppid() == parent ? unpack_run(&unpack, fds[1]) : 1);
	}
	int fork_errno = errno;
	(void)close(fds[1]);
	if (child > 0) {
		follow_unpack(p, child, fds[0]);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(fds[0]);
	if (child < 0)
		return err_errno(err, fork_errno, "cannot start unpacking");
	if (!p->is_unpack_over)
		explain_death(p, status);
	/* The child took what we had, and when it was content the rest of the body as well. */
	buf_clear(&p->pending);
	p->input.is_end = streq(p->unpack, "ok") && unpack.has_pack;
	return 0;
}

static int unpack(struct push *p, const char *path, struct err *err)
{
	int r = quarantine_open(&p->quarantine, path, err);

	if (r == 0)
		r = run_unpack(p, err);
	if (r == 0 && streq(p->unpack, "ok") && p->pack[0] != '\0')
		r = quarantine_migrate(&p->quarantine, p->pack, err);
	if (r == 0 && streq(p->unpack, "ok"))
		r = shallow_record(p->repo, &p->commands, err);
	return r;
}

static void allow_prune(struct push *p)
{
	closep(&p->prune_lock);
	p->prune_lock = -1;
}

static void deploy_branch(struct push *p, struct command *cmd)
{
	char pin[NAME_REF_MAX + 1];
	struct err err = {0};
	int r = 0;

	/* Holds the commit while it is not on the branch yet, and if it never gets there. */
	(void)snprintf(pin, sizeof pin, "refs/berth/push/%s", cmd->new_id);
	r = refs_set(p->repo, pin, cmd->new_id, &err);
	allow_prune(p);
	if (r == 0 && p->options->control_fd >= 0)
		r = control_deploy(p->options->control_fd, cmd,
			refs_is_only_branch(p->repo, cmd->ref), &p->reply, &err);
	if (r == 0)
		r = refs_update(p->repo, cmd->ref, cmd->old_id, cmd->new_id, &err);
	if (r < 0)
		(void)snprintf(cmd->problem, sizeof cmd->problem, "%s", err.msg);
}

static void update_ref(struct push *p, struct command *cmd)
{
	struct err err = {0};
	int r = cmd->kind == NAME_REF_PUSH
			? refs_set(p->repo, cmd->ref, cmd->new_id, &err)
			: refs_update(p->repo, cmd->ref, cmd->old_id, cmd->new_id, &err);

	if (r < 0)
		(void)snprintf(cmd->problem, sizeof cmd->problem, "%s", err.msg);
}

/* The branch last: its deploy takes long, and everything else should be settled by then. */
static void update_refs(struct push *p)
{
	struct command *branch = NULL;

	for (size_t i = 0; i < p->commands.count; i++) {
		struct command *cmd = &p->commands.list[i];
		if (cmd->problem[0] != '\0')
			continue;
		if (cmd->kind == NAME_REF_BRANCH)
			branch = cmd;
		else
			update_ref(p, cmd);
	}
	if (branch)
		deploy_branch(p, branch);
}

/* One push in fifty cleans up behind them all. It has been answered, if not to the last byte of
 * HTTP. */
static void tidy(struct push *p)
{
	struct prune_result result;

	/* A failure here is no failure of the push, and the next one tries again. */
	if (prune_is_due(p->repo, &PRUNE_OPTIONS_DEFAULT))
		(void)prune_run(p->repo, &PRUNE_OPTIONS_DEFAULT, &result, NULL);
}

static int run(struct push *p, const char *path, struct err *err)
{
	int r = read_commands(p, err);

	if (r < 0)
		return r;
	reply_init(&p->reply, STDOUT_FILENO, &p->commands);
	/* git asks with an empty request whether it may push, before it sends a large one, and reads
	 * no answer; some bytes tell the agent that there is one. */
	if (p->commands.count == 0) {
		r = fd_write_all(STDOUT_FILENO, "0000", 4);
		return r < 0 ? err_errno(err, -r, "cannot answer") : 0;
	}
	r = repo_open_or_create(path, &p->repo, err);
	if (r < 0)
		return r;
	p->prune_lock = prune_lock_shared(p->repo, err);
	if (p->prune_lock < 0)
		return p->prune_lock;
	check_refs(p);
	(void)snprintf(p->unpack, sizeof p->unpack, "ok");
	if (has_good(p)) {
		struct err why = {0};
		if (unpack(p, path, &why) < 0)
			(void)snprintf(p->unpack, sizeof p->unpack, "%s", why.msg);
		quarantine_close(&p->quarantine);
	}
	if (streq(p->unpack, "ok"))
		update_refs(p);
	else
		commands_refuse_all(&p->commands, p->unpack);
	reply_report(&p->reply, &p->commands);
	allow_prune(p);
	(void)close(STDOUT_FILENO);
	input_drain(&p->input, DRAIN_BYTES_MAX);
	if (streq(p->unpack, "ok"))
		tidy(p);
	return 0;
}

int receive_run(const char *repo_path, const struct receive_options *options, struct err *err)
{
	struct push *p = xnew(struct push);
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	p->options = options;
	p->quarantine.lock = -1;
	p->prune_lock = -1;
	p->pending = BUF_INIT(COMMANDS_BYTES_MAX + INPUT_CHUNK);
	commands_init(&p->commands);
	if (input_init(&p->input, STDIN_FILENO, options->is_gzip, STALL_MS) < 0)
		r = err_set(err, ENOMEM, "out of memory");
	else
		r = run(p, repo_path, err);
	input_free(&p->input);
	buf_free(&p->pending);
	allow_prune(p);
	git_repository_free(p->repo);
	free(p);
	return r;
}
