/* SPDX-License-Identifier: Apache-2.0
 *
 * An explicit stack, since histories are deep; each object is visited once.
 */
#include "agent/git/connect.h"

#include <errno.h>

#include "agent/git/object.h"
#include "agent/git/oidset.h"
#include "agent/git/repo.h"

struct pending {
	git_oid id;
	bool is_optional; /* parent of a shallow commit */
};

struct connect_walk {
	const struct connect *c;
	struct oidset seen;
	struct pending *stack;
	size_t depth, capacity;
	struct err *err;
};

static void push(struct connect_walk *w, const git_oid *id, bool is_optional)
{
	if (!oidset_add(&w->seen, id))
		return;
	if (w->depth == w->capacity) {
		w->capacity = w->capacity ? w->capacity * 2 : 256;
		w->stack = xrealloc(w->stack, w->capacity, sizeof *w->stack);
	}
	w->stack[w->depth++] = (struct pending){*id, is_optional};
}

static bool exists(git_odb *odb, const git_oid *id)
{
	/* A refresh on each miss would read the folder again for each object. */
	return git_odb_exists_ext(odb, id, GIT_ODB_LOOKUP_NO_REFRESH) == 1;
}

static bool is_known(const struct connect_walk *w, const git_oid *id)
{
	return w->c->known && exists(w->c->known, id);
}

static int tell(struct connect_walk *w, const git_oid *id)
{
	return w->c->on_object ? w->c->on_object(w->c->data, id) : 0;
}

static int missing(struct connect_walk *w, const git_oid *id)
{
	return err_set(w->err, EBADMSG,
		"the push lacks object %s, which its commits need; run git fsck, and git fetch "
		"--unshallow in a shallow clone",
		git_oid_tostr_s(id));
}

static int malformed(struct connect_walk *w, const char *what, const git_oid *id)
{
	return err_set(w->err, EBADMSG, "%s %s is malformed", what, git_oid_tostr_s(id));
}

static bool is_shallow(const struct connect_walk *w, const char *id)
{
	if (w->c->lacks_parents)
		return true;
	for (size_t i = 0; i < w->c->shallow_count; i++)
		if (strcmp(w->c->shallow[i], id) == 0)
			return true;
	return false;
}

static int scan_commit(struct connect_walk *w, const git_oid *id, struct str rest)
{
	char text[IDENT_COMMIT_LEN + 1], self[IDENT_COMMIT_LEN + 1];
	git_oid ref;
	int r;

	if (object_commit_tree(&rest, text) < 0)
		return malformed(w, "commit", id);
	(void)git_oid_fromstr(&ref, text);
	push(w, &ref, false);
	(void)git_oid_tostr(self, sizeof self, id);
	bool is_cut = is_shallow(w, self);
	while ((r = object_next_parent(&rest, text)) == 1) {
		(void)git_oid_fromstr(&ref, text);
		push(w, &ref, is_cut);
	}
	return r < 0 ? malformed(w, "commit", id) : 0;
}

static int scan_tree(struct connect_walk *w, const git_oid *id, struct str rest)
{
	struct object_entry e;
	git_oid ref;
	int r;

	while ((r = object_next_entry(&rest, &e)) == 1) {
		(void)git_oid_fromraw(&ref, e.id);
		if (e.mode == OBJECT_MODE_SUBMODULE)
			continue;
		if (e.mode == OBJECT_MODE_DIR) {
			push(w, &ref, false);
			continue;
		}
		/* Contents are never read here, so they do not go through the stack. */
		if (!oidset_add(&w->seen, &ref))
			continue;
		bool is_here = exists(w->c->incoming, &ref);
		if (!is_here && !is_known(w, &ref))
			return missing(w, &ref);
		int k = is_here ? tell(w, &ref) : 0;
		if (k < 0)
			return k;
	}
	return r < 0 ? malformed(w, "tree", id) : 0;
}

static int scan_tag(struct connect_walk *w, const git_oid *id, struct str rest)
{
	char text[IDENT_COMMIT_LEN + 1];
	git_oid ref;

	if (object_tag_target(&rest, text) < 0)
		return malformed(w, "tag", id);
	(void)git_oid_fromstr(&ref, text);
	push(w, &ref, false);
	return 0;
}

static int visit(struct connect_walk *w, const struct pending *p)
{
	_cleanup_object_ git_odb_object *object = NULL;
	size_t size = 0;
	git_object_t type = GIT_OBJECT_INVALID;

	if (!exists(w->c->incoming, &p->id)) {
		if (p->is_optional || is_known(w, &p->id))
			return 0;
		return missing(w, &p->id);
	}
	if (git_odb_read_header(&size, &type, w->c->incoming, &p->id) < 0)
		return repo_err(w->err, "cannot read object %s", git_oid_tostr_s(&p->id));
	int r = tell(w, &p->id);
	if (r < 0 || type == GIT_OBJECT_BLOB)
		return r;
	if (git_odb_read(&object, w->c->incoming, &p->id) < 0)
		return repo_err(w->err, "cannot read object %s", git_oid_tostr_s(&p->id));
	struct str rest = {git_odb_object_data(object), git_odb_object_size(object)};
	if (type == GIT_OBJECT_COMMIT)
		return scan_commit(w, &p->id, rest);
	return type == GIT_OBJECT_TREE ? scan_tree(w, &p->id, rest) : scan_tag(w, &p->id, rest);
}

struct connect_walk *connect_begin(const struct connect *c, struct err *err)
{
	struct connect_walk *w = xnew(struct connect_walk);

	w->c = c;
	w->err = err;
	return w;
}

int connect_from(struct connect_walk *w, const git_oid *tip)
{
	int r = 0;

	push(w, tip, false);
	while (r == 0 && w->depth > 0) {
		struct pending next = w->stack[--w->depth];
		r = visit(w, &next);
	}
	return r;
}

void connect_end(struct connect_walk *w)
{
	oidset_free(&w->seen);
	free(w->stack);
	free(w);
}

int connect_check(const struct connect *c, const git_oid *tip, struct err *err)
{
	struct connect_walk *w = connect_begin(c, err);
	int r = connect_from(w, tip);

	connect_end(w);
	return r;
}
