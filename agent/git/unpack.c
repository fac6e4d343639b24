/* SPDX-License-Identifier: Apache-2.0
 *
 * The child that unpacks.
 */
#include "agent/git/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "agent/git/connect.h"
#include "agent/git/repo.h"
#include "agent/git/tree.h"
#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

#define PROGRESS_MS 1000
#define MEMORY_BASE ((uint64_t)64 << 20)
#define MEMORY_WINDOWS ((uint64_t)128 << 20) /* as in repo.c */
#define MEMORY_PER_OBJECT 256
#define MEMORY_NEARLY_OUT ((uint64_t)4 << 20)

struct job {
	const struct unpack *u;
	int report_fd;
	git_odb *known, *incoming, *all;
	git_indexer *indexer;
	git_indexer_progress stats; /* the indexer's own memory between calls */
	struct pack_scan scan;
	int64_t last_progress_ms;
	char pack[GIT_OID_HEXSZ + 1];
};

static const char *const line_names[] = {
	[UNPACK_PROGRESS] = "progress",
	[UNPACK_REFUSED] = "refused",
	[UNPACK_FAILED] = "failed",
	[UNPACK_DONE] = "done",
};

static void report(const struct job *j, enum unpack_line line, size_t index, const char *text)
{
	_cleanup_free_ char *s = xasprintf("%s %zu %s\n", line_names[line], index, text);

	(void)fd_write_all(j->report_fd, s, strlen(s));
}

int unpack_parse(struct str line, struct unpack_event *ret)
{
	struct str word, number;
	uint64_t index = 0;

	if (!str_split(&line, ' ', &word) || !str_split(&line, ' ', &number) ||
		parse_u64(number, 0, COMMANDS_MAX - 1, &index) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(line_names); i++) {
		if (!str_eq(word, str_from(line_names[i])))
			continue;
		*ret = (struct unpack_event){(enum unpack_line)i, (size_t)index, line};
		return 0;
	}
	return -EBADMSG;
}

static int on_index_progress(const git_indexer_progress *p, void *data)
{
	struct job *j = data;
	int64_t now = clock_monotonic_ms();
	char words[128], size[32];

	if (now - j->last_progress_ms < PROGRESS_MS)
		return 0;
	j->last_progress_ms = now;
	format_size(j->scan.offset, size, sizeof size);
	(void)snprintf(words, sizeof words, "receiving: %u of %u objects, %s", p->indexed_objects,
		p->total_objects, size);
	report(j, UNPACK_PROGRESS, 0, words);
	return 0;
}

/* The scan goes first: the indexer sees no byte that has not passed. */
static int take_bytes(struct job *j, struct buf *b, struct err *err)
{
	int r = pack_scan_feed(&j->scan, buf_data(b), buf_len(b), err);

	if (r < 0)
		return r;
	if (git_indexer_append(j->indexer, buf_data(b), buf_len(b), &j->stats) < 0) {
		const git_error *last = git_error_last();
		/* Only its words tell, and they show the client our paths. */
		if (last && strstr(last->message, "No space left"))
			return err_set(err, ENOSPC, "the host's disk is full");
		return repo_err(err, "cannot take the pack");
	}
	buf_clear(b);
	return 0;
}

static uint64_t memory_now(void)
{
	_cleanup_free_ char *text = NULL;
	uint64_t pages = 0;

	if (file_read("/proc/self/statm", 4096, &text, NULL, NULL) == 0) {
		struct str rest = str_from(text), word = {0};
		(void)str_split(&rest, ' ', &word);
		(void)parse_u64(word, 0, UINT64_MAX, &pages);
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Deltas are resolved with what the pack by its own claims needs: base, delta, result and a copy of
 * the largest object, the windows on the pack, records of the objects. A pack with a delta that
 * makes an object which is in the pack sends libgit2 1.5 into a loop that leaks: it ends here. */
static void limit_memory(const struct pack_scan *scan, struct rlimit *ret_before)
{
	uint64_t window = scan->offset < MEMORY_WINDOWS ? scan->offset : MEMORY_WINDOWS;
	rlim_t need = memory_now() + MEMORY_BASE + 4 * scan->largest + 2 * window +
		      (uint64_t)MEMORY_PER_OBJECT * scan->objects;

	(void)getrlimit(RLIMIT_AS, ret_before);
	struct rlimit limit = {
		need < ret_before->rlim_max ? need : ret_before->rlim_max, ret_before->rlim_max};
#ifndef __SANITIZE_ADDRESS__
	(void)setrlimit(RLIMIT_AS, &limit);
#else
	(void)limit;
#endif
}

static int explain_index(struct err *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
		memory_now() + MEMORY_NEARLY_OUT > limit.rlim_cur)
		return err_set(err, ENOMEM,
			"the pack is damaged: its deltas take more memory than its objects account for");
	return repo_err(err, "cannot index the pack");
}

static int take_pack(struct job *j, struct err *err)
{
	struct buf *b = j->u->pending;
	int r = buf_len(b) > 0 ? take_bytes(j, b, err) : 0;

	while (r == 0 && !j->u->input->is_end) {
		ssize_t n = input_read(j->u->input, b, err);
		if (n < 0)
			return (int)n;
		if (n > 0)
			r = take_bytes(j, b, err);
	}
	if (r < 0)
		return r;
	if (!pack_scan_is_done(&j->scan))
		return err_set(err, EBADMSG, "the pack ended early: the connection broke off");
	/* Nothing to store: the client only moves refs to what is here. */
	if (j->scan.objects == 0)
		return 0;
	struct rlimit before;
	limit_memory(&j->scan, &before);
	r = git_indexer_commit(j->indexer, &j->stats);
	if (r < 0)
		r = explain_index(err);
	(void)setrlimit(RLIMIT_AS, &before);
	if (r < 0)
		return r;
	(void)snprintf(j->pack, sizeof j->pack, "%s", git_indexer_name(j->indexer));
	return 0;
}

static int index_pack(struct job *j, struct err *err)
{
	_cleanup_free_ char *dir = xasprintf("%s/pack", j->u->objects);
	git_indexer_options options;

	must(git_indexer_options_init(&options, GIT_INDEXER_OPTIONS_VERSION) == 0);
	options.progress_cb = on_index_progress;
	options.progress_cb_payload = j;
	if (pack_scan_init(&j->scan, j->u->limits) < 0)
		return err_set(err, ENOMEM, "out of memory");
	int r = git_indexer_new(&j->indexer, dir, 0444, j->known, &options) < 0
			? repo_err(err, "cannot take the pack")
			: take_pack(j, err);
	git_indexer_free(j->indexer);
	pack_scan_free(&j->scan);
	return r;
}

static int open_stores(struct job *j, struct err *err)
{
	_cleanup_free_ char *known = xasprintf("%sobjects", git_repository_path(j->u->repo));

	if (git_odb_open(&j->incoming, j->u->objects) < 0 || git_odb_open(&j->all, known) < 0 ||
		git_odb_add_disk_alternate(j->all, j->u->objects) < 0)
		return repo_err(err, "cannot open the received objects");
	return 0;
}

static int check_command(struct job *j, const struct command *cmd, struct err *err)
{
	const struct connect connect = {
		.incoming = j->incoming,
		.known = j->known,
		.shallow = j->u->commands->shallow,
		.shallow_count = j->u->commands->shallow_count,
	};
	struct tree_limits limits = TREE_LIMITS_DEFAULT;
	git_oid tip, tree;

	(void)git_oid_fromstr(&tip, cmd->new_id);
	int r = connect_check(&connect, &tip, err);
	if (r < 0 || cmd->kind == NAME_REF_TAG)
		return r;
	r = repo_commit_tree(j->all, &tip, &tree, err);
	if (r < 0)
		return r;
	limits.file_bytes_max = j->u->limits->file_bytes_max;
	return tree_walk(j->all, &tree, &limits, NULL, NULL, err);
}

static int run(struct job *j, struct err *err)
{
	const struct commands *c = j->u->commands;
	size_t good = 0, wanted = 0;
	int r = 0;

	if (git_repository_odb(&j->known, j->u->repo) < 0)
		return repo_err(err, "cannot open the repository's objects");
	if (j->u->has_pack && (r = index_pack(j, err)) < 0)
		return r;
	if ((r = open_stores(j, err)) < 0)
		return r;
	for (size_t i = 0; i < c->count; i++) {
		if (c->list[i].problem[0] != '\0')
			continue;
		struct err why = {0};
		wanted++;
		if (check_command(j, &c->list[i], &why) < 0)
			report(j, UNPACK_REFUSED, i, why.msg);
		else
			good++;
	}
	/* Nobody wants what it brought. */
	if (good == 0 && wanted > 0)
		j->pack[0] = '\0';
	return 0;
}

int unpack_run(const struct unpack *u, int report_fd)
{
	const struct rlimit cpu = {UNPACK_CPU_SECONDS_MAX, UNPACK_CPU_SECONDS_MAX + 1};
	const rlim_t file_max = u->limits->pack_bytes_max * 2;
	struct job j = {.u = u, .report_fd = report_fd, .last_progress_ms = clock_monotonic_ms()};
	struct err err = {0};

	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_max, file_max});
	int r = run(&j, &err);
	if (r == 0)
		report(&j, UNPACK_DONE, 0, j.pack);
	else
		report(&j, UNPACK_FAILED, 0, err.msg);
	git_odb_free(j.known);
	git_odb_free(j.incoming);
	git_odb_free(j.all);
	return r == 0 ? 0 : 1;
}
