/* SPDX-License-Identifier: Apache-2.0
 *
 * Refs.
 */
#include "agent/git/refs.h"

#include <errno.h>

#include "agent/git/commands.h"
#include "agent/git/pkt.h"
#include "agent/git/repo.h"

/* Refs are not deleted; but a git that believes so says no more than "rejected", and ours has words. */
#define CAPABILITIES                                                            \
	"report-status delete-refs side-band-64k ofs-delta object-format=sha1 " \
	"agent=berth/" BERTH_VERSION

struct advert {
	struct buf *to;
	bool has_first;
	int r;
};

static void add_line(struct advert *a, const char *id, const char *name)
{
	if (a->r < 0)
		return;
	_cleanup_buf_ struct buf line = BUF_INIT(PKT_PAYLOAD_MAX);
	int r = buf_printf(&line, "%s %s", id, name);
	if (r == 0 && !a->has_first)
		r = buf_append(&line, "\0" CAPABILITIES, sizeof "\0" CAPABILITIES - 1);
	if (r == 0)
		r = buf_puts(&line, "\n");
	if (r == 0)
		r = pkt_write(a->to, buf_data(&line), buf_len(&line));
	a->has_first = true;
	a->r = r;
}

static int add_ref(git_reference *ref, void *data)
{
	struct advert *a = data;
	_cleanup_reference_ git_reference *owned = ref;
	const git_oid *id = git_reference_target(ref);
	const char *name = git_reference_name(ref);
	enum name_ref_kind kind = name_ref_kind(str_from(name));

	if (!id || kind == NAME_REF_REFUSED)
		return 0;
	/* A push ref has its own name too: that is how the CLI sees that nothing need be sent. */
	bool is_named = kind != NAME_REF_RELEASE;
	add_line(a, git_oid_tostr_s(id), is_named ? name : ".have");
	(void)owned;
	return a->r;
}

int refs_advertise(git_repository *repo, struct buf *to, struct err *err)
{
	struct advert a = {.to = to};
	char zero[IDENT_COMMIT_LEN + 1];

	a.r = pkt_printf(to, "# service=git-receive-pack\n");
	if (a.r == 0)
		a.r = pkt_flush(to);
	if (repo && a.r == 0 && git_reference_foreach(repo, add_ref, &a) < 0 && a.r == 0)
		return repo_err(err, "cannot read the refs");
	if (!a.has_first) {
		memset(zero, '0', IDENT_COMMIT_LEN);
		zero[IDENT_COMMIT_LEN] = '\0';
		add_line(&a, zero, "capabilities^{}");
	}
	if (a.r == 0)
		a.r = pkt_flush(to);
	return a.r < 0 ? err_set(err, EOVERFLOW, "the repository has too many refs") : 0;
}

static int stale(const char *ref, struct err *err)
{
	return err_set(err, ESTALE, "%s was moved by another push; fetch or try again", ref);
}

int refs_expect(git_repository *repo, const char *ref, const char *old_id, struct err *err)
{
	git_oid now;
	int r = git_reference_name_to_id(&now, repo, ref);

	if (r == GIT_ENOTFOUND)
		return commands_is_zero(old_id) ? 0 : stale(ref, err);
	if (r < 0)
		return repo_err(err, "cannot read %s", ref);
	return strcmp(git_oid_tostr_s(&now), old_id) == 0 ? 0 : stale(ref, err);
}

int refs_update(git_repository *repo, const char *ref, const char *old_id, const char *new_id,
	struct err *err)
{
	_cleanup_reference_ git_reference *made = NULL;
	git_oid before, after;

	if (git_oid_fromstr(&before, old_id) < 0 || git_oid_fromstr(&after, new_id) < 0)
		return err_set(err, EINVAL, "bad object id for %s", ref);
	int r = commands_is_zero(old_id)
			? git_reference_create(&made, repo, ref, &after, 0, NULL)
			: git_reference_create_matching(&made, repo, ref, &after, 1, &before, NULL);
	if (r == GIT_EEXISTS || r == GIT_EMODIFIED || r == GIT_ENOTFOUND)
		return stale(ref, err);
	return r < 0 ? repo_err(err, "cannot set %s", ref) : 0;
}

int refs_set(git_repository *repo, const char *ref, const char *id, struct err *err)
{
	_cleanup_reference_ git_reference *made = NULL;
	git_oid oid;

	if (git_oid_fromstr(&oid, id) < 0)
		return err_set(err, EINVAL, "bad object id %s", id);
	if (git_reference_create(&made, repo, ref, &oid, 1, NULL) < 0)
		return repo_err(err, "cannot set %s", ref);
	return 0;
}

int refs_remove(git_repository *repo, const char *ref, struct err *err)
{
	int r = git_reference_remove(repo, ref);

	return r < 0 && r != GIT_ENOTFOUND ? repo_err(err, "cannot remove %s", ref) : 0;
}

static int count_ref(const char *name, void *data)
{
	(void)name;
	++*(size_t *)data;
	return 0;
}

size_t refs_count(git_repository *repo)
{
	size_t n = 0;

	(void)git_reference_foreach_name(repo, count_ref, &n);
	return n;
}

bool refs_is_only_branch(git_repository *repo, const char *ref)
{
	git_reference_iterator *it = NULL;
	const char *name = NULL;
	bool is_only = true;

	if (git_reference_iterator_glob_new(&it, repo, "refs/heads/*") < 0)
		return false;
	while (is_only && git_reference_next_name(&name, it) == 0)
		is_only = streq(name, ref);
	git_reference_iterator_free(it);
	return is_only;
}
