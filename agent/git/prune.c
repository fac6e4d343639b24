/* SPDX-License-Identifier: Apache-2.0
 *
 * Pruning. Objects that no ref reaches are lost with the packs that are replaced, so everything
 * that must stay has a ref: branches, tags, pushes of the last days, the releases' pins.
 */
#include "agent/git/prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "agent/git/connect.h"
#include "agent/git/name.h"
#include "agent/git/quarantine.h"
#include "agent/git/refs.h"
#include "agent/git/repo.h"
#include "lib/sys/file.h"

#define PACKS_MAX 10000 /* looked at; a repository never has so many */

struct prune {
	git_repository *repo;
	git_odb *odb;
	git_packbuilder *builder;
	time_t oldest; /* push refs before that go */
	unsigned removed;
	struct err *err;
	char **packs; /* paths of the .pack files found at the start */
	size_t pack_count;
};

static int open_lock(git_repository *repo, int how, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%sprune.lock", git_repository_path(repo));
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, errno, "cannot open %s", path);
	while (flock(fd, how) < 0) {
		if (errno == EWOULDBLOCK)
			return err_set(err, EBUSY, "a push is under way; nothing was pruned");
		if (errno != EINTR)
			return err_errno(err, errno, "cannot lock %s", path);
	}
	return take_fd(&fd);
}

int prune_lock_shared(git_repository *repo, struct err *err)
{
	return open_lock(repo, LOCK_SH, err);
}

/* The time of a push is that of its ref's file; libgit2 writes each ref to a file of its own. */
static int on_ref(const char *name, void *data)
{
	struct prune *p = data;
	struct stat st;

	if (name_ref_kind(str_from(name)) != NAME_REF_PUSH)
		return 0;
	_cleanup_free_ char *path = xasprintf("%s%s", git_repository_path(p->repo), name);
	if (lstat(path, &st) < 0 || st.st_mtime >= p->oldest)
		return 0;
	int r = refs_remove(p->repo, name, p->err);
	p->removed += r == 0 ? 1 : 0;
	return r;
}

static int remove_old_pushes(struct prune *p)
{
	int r = git_reference_foreach_name(p->repo, on_ref, p);

	if (r < 0 && p->err->code == 0)
		return repo_err(p->err, "cannot read the refs");
	return r;
}

static int list_packs(struct prune *p)
{
	_cleanup_free_ char *folder = xasprintf("%sobjects/pack", git_repository_path(p->repo));
	DIR *dir = opendir(folder);
	struct dirent *e;

	if (!dir)
		return err_errno(p->err, errno, "cannot read %s", folder);
	p->packs = xcalloc(PACKS_MAX, sizeof *p->packs);
	while ((e = readdir(dir)) != NULL) /* NOLINT(concurrency-mt-unsafe): one thread */
		if (has_suffix(e->d_name, ".pack") && p->pack_count < PACKS_MAX)
			p->packs[p->pack_count++] = xasprintf("%s/%s", folder, e->d_name);
	(void)closedir(dir);
	return 0;
}

static void free_packs(struct prune *p)
{
	for (size_t i = 0; i < p->pack_count; i++)
		free(p->packs[i]);
	free(p->packs);
}

bool prune_is_due(git_repository *repo, const struct prune_options *options)
{
	struct prune p = {.repo = repo};
	bool is_due = list_packs(&p) == 0 && p.pack_count > options->packs_max;

	free_packs(&p);
	return is_due;
}

static int on_object(void *data, const git_oid *id)
{
	struct prune *p = data;

	return git_packbuilder_insert(p->builder, id, NULL) < 0
		       ? repo_err(p->err, "cannot pack %s", git_oid_tostr_s(id))
		       : 0;
}

/* Every object that a ref reaches, each once: into the pack, or looked for in `odb`. */
static int visit_reachable(struct prune *p, git_odb *odb, int (*on)(void *data, const git_oid *id))
{
	struct connect connect = {
		.incoming = odb, .lacks_parents = true, .on_object = on, .data = p};
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	int r = 0;

	if (git_reference_iterator_new(&it, p->repo) < 0)
		return repo_err(p->err, "cannot read the refs");
	struct connect_walk *walk = connect_begin(&connect, p->err);
	while (r == 0 && git_reference_next(&ref, it) == 0) {
		const git_oid *id = git_reference_target(ref);
		if (id)
			r = connect_from(walk, id);
		git_reference_free(ref);
	}
	connect_end(walk);
	git_reference_iterator_free(it);
	return r;
}

static int write_pack(struct prune *p, const struct quarantine *q)
{
	_cleanup_free_ char *folder = xasprintf("%s/pack", q->objects);

	if (git_packbuilder_new(&p->builder, p->repo) < 0)
		return repo_err(p->err, "cannot make a pack");
	(void)git_packbuilder_set_threads(p->builder, 1);
	int r = visit_reachable(p, p->odb, on_object);
	if (r == 0 && git_packbuilder_write(p->builder, folder, 0444, NULL, NULL) < 0)
		r = repo_err(p->err, "cannot write a pack");
	return r;
}

/* The new pack must hold by itself all that is reachable before an old one goes. */
static int check_pack(struct prune *p, const struct quarantine *q)
{
	_cleanup_odb_ git_odb *alone = NULL;

	if (git_odb_open(&alone, q->objects) < 0)
		return repo_err(p->err, "cannot open the new pack");
	return visit_reachable(p, alone, NULL);
}

static void remove_packs(struct prune *p, const char *kept)
{
	for (size_t i = 0; i < p->pack_count; i++) {
		size_t n = strlen(p->packs[i]) - strlen(".pack");
		if (strstr(p->packs[i], kept))
			continue;
		/* The index first: without it nobody looks for the pack. */
		_cleanup_free_ char *idx = xasprintf("%.*s.idx", (int)n, p->packs[i]);
		(void)unlink(idx);
		(void)unlink(p->packs[i]);
	}
}

static int repack(struct prune *p)
{
	struct quarantine q;
	int r = quarantine_open(&q, git_repository_path(p->repo), p->err);

	if (r < 0)
		return r;
	r = write_pack(p, &q);
	if (r == 0)
		r = check_pack(p, &q);
	const char *name = r == 0 ? git_packbuilder_name(p->builder) : NULL;
	if (r == 0)
		r = quarantine_migrate(&q, name, p->err);
	if (r == 0)
		remove_packs(p, name);
	git_packbuilder_free(p->builder);
	quarantine_close(&q);
	return r;
}

int prune_run(git_repository *repo, const struct prune_options *options, struct prune_result *ret,
	struct err *err)
{
	struct err own = {0};
	struct prune p = {.repo = repo,
		.oldest = time(NULL) - (time_t)options->push_days_max * 86400,
		.err = err ? err : &own};
	_cleanup_close_ int lock = open_lock(repo, LOCK_EX | LOCK_NB, p.err);

	if (lock < 0)
		return lock;
	if (git_repository_odb(&p.odb, repo) < 0)
		return repo_err(p.err, "cannot open the repository's objects");
	int r = remove_old_pushes(&p);
	if (r == 0)
		r = list_packs(&p);
	bool is_many = p.pack_count > options->packs_max;
	if (r == 0 && is_many)
		r = repack(&p);
	if (r == 0)
		*ret = (struct prune_result){
			p.removed, (unsigned)p.pack_count, is_many ? 1 : (unsigned)p.pack_count};
	free_packs(&p);
	git_odb_free(p.odb);
	return r;
}
