/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking a tree. Recursion is bounded by depth_max, memory by files_max: the entries of a folder
 * are counted against it before the first of them is visited.
 */
#include "agent/git/tree.h"

#include <errno.h>

#include "agent/git/name.h"
#include "agent/git/object.h"
#include "agent/git/repo.h"
#include "lib/base/buf.h"
#include "lib/base/parse.h"

#define ENTRY_BYTES_MIN 28 /* "40000 a", NUL, id */
#define LFS_POINTER_MAX 1024 /* a pointer is smaller, by its specification */
#define ATTRIBUTES_MAX (1u << 20)

struct walk {
	git_odb *odb;
	const struct tree_limits *limits;
	const struct tree_visitor *visitor;
	struct tree_totals totals;
	struct buf path; /* of the folder we are in, "" or with a final slash */
	struct err *err;
};

static int walk_tree(struct walk *w, const git_oid *id, unsigned depth, bool has_lfs);

static int refuse(struct walk *w, struct str name, const char *why)
{
	char shown[NAME_SHOWN_MAX];
	_cleanup_buf_ struct buf path = BUF_INIT(w->path.max + 2 * (size_t)NAME_ENTRY_MAX);

	if (buf_append(&path, buf_data(&w->path), buf_len(&w->path)) < 0 ||
		buf_append(&path, name.p, name.len) < 0)
		return err_set(w->err, EBADMSG, "a path is too long");
	name_show((struct str){buf_data(&path), buf_len(&path)}, shown);
	return err_set(w->err, EBADMSG, "'%s' %s", shown, why);
}

static int refuse_size(struct walk *w, struct str name, uint64_t bytes, uint64_t max)
{
	char size[32], limit[32], why[128];

	format_size(bytes, size, sizeof size);
	format_size(max, limit, sizeof limit);
	(void)snprintf(why, sizeof why, "has %s; the limit is %s", size, limit);
	return refuse(w, name, why);
}

/* Is the entry's object there, of the kind wanted, and no larger than may be? Nothing is read. */
static int check_object(struct walk *w, const struct object_entry *e, git_object_t want,
	uint64_t bytes_max, size_t *ret_size)
{
	git_oid id;
	git_object_t type = GIT_OBJECT_INVALID;

	(void)git_oid_fromraw(&id, e->id);
	int r = git_odb_read_header(ret_size, &type, w->odb, &id);
	if (r == GIT_ENOTFOUND)
		return err_set(w->err, ENOENT, "object %s is missing", git_oid_tostr_s(&id));
	if (r < 0)
		return repo_err(w->err, "cannot read object %s", git_oid_tostr_s(&id));
	if (type != want)
		return refuse(w, e->name, "is an object of another kind than its folder says");
	if (*ret_size > bytes_max)
		return refuse_size(w, e->name, *ret_size, bytes_max);
	return 0;
}

static int read_object(struct walk *w, const struct object_entry *e, git_object_t want,
	size_t bytes_max, git_odb_object **ret)
{
	size_t size = 0;
	git_oid id;
	int r = check_object(w, e, want, bytes_max, &size);

	if (r < 0)
		return r;
	(void)git_oid_fromraw(&id, e->id);
	if (git_odb_read(ret, w->odb, &id) < 0)
		return repo_err(w->err, "cannot read object %s", git_oid_tostr_s(&id));
	return 0;
}

static int check_lfs(struct walk *w, const struct object_entry *e)
{
	static const struct str magic = STR("version https://git-lfs.github.com/spec/");
	_cleanup_object_ git_odb_object *object = NULL;
	int r = read_object(w, e, GIT_OBJECT_BLOB, LFS_POINTER_MAX, &object);

	if (r < 0)
		return r;
	struct str text = {git_odb_object_data(object), git_odb_object_size(object)};
	if (str_starts(text, magic))
		return refuse(w, e->name,
			"is a Git LFS pointer and not the file itself; LFS is not supported: commit "
			"the file (git lfs uninstall, git add --renormalize .)");
	return 0;
}

static int visit_file(struct walk *w, const struct object_entry *e, bool has_lfs)
{
	size_t size = 0;
	git_oid id;
	int r = check_object(w, e, GIT_OBJECT_BLOB, w->limits->file_bytes_max, &size);

	if (r < 0)
		return r;
	w->totals.bytes += size;
	if (w->totals.bytes > w->limits->bytes_max)
		return refuse_size(w, STR("."), w->totals.bytes, w->limits->bytes_max);
	if (has_lfs && size < LFS_POINTER_MAX && (r = check_lfs(w, e)) < 0)
		return r;
	if (!w->visitor)
		return 0;
	_cleanup_free_ char *name = str_dup(e->name);
	(void)git_oid_fromraw(&id, e->id);
	return w->visitor->on_file(w->visitor->data, name, e->mode == OBJECT_MODE_EXECUTABLE, &id);
}

static int visit_link(struct walk *w, const struct object_entry *e, unsigned depth)
{
	_cleanup_object_ git_odb_object *object = NULL;
	int r = read_object(w, e, GIT_OBJECT_BLOB, NAME_LINK_MAX, &object);

	if (r < 0)
		return r;
	struct str target = {git_odb_object_data(object), git_odb_object_size(object)};
	const char *problem = name_link_problem(target, depth);
	if (problem) {
		char why[256];
		(void)snprintf(why, sizeof why, "is a symbolic link that %s", problem);
		return refuse(w, e->name, why);
	}
	if (!w->visitor)
		return 0;
	_cleanup_free_ char *name = str_dup(e->name);
	_cleanup_free_ char *text = str_dup(target);
	return w->visitor->on_link(w->visitor->data, name, text);
}

static int visit_dir(struct walk *w, const struct object_entry *e, unsigned depth, bool has_lfs)
{
	size_t len = buf_len(&w->path);
	git_oid id;
	int r;

	if (depth >= w->limits->depth_max)
		return refuse(w, e->name, "is nested too deeply");
	if (w->visitor) {
		_cleanup_free_ char *name = str_dup(e->name);
		r = w->visitor->on_dir(w->visitor->data, name);
		if (r < 0)
			return r;
	}
	if (buf_append(&w->path, e->name.p, e->name.len) < 0 || buf_puts(&w->path, "/") < 0)
		return refuse(w, e->name, "has too long a path");
	(void)git_oid_fromraw(&id, e->id);
	r = walk_tree(w, &id, depth + 1, has_lfs);
	w->path.end = w->path.start + len;
	if (r == 0 && w->visitor)
		r = w->visitor->on_dir_end(w->visitor->data);
	return r;
}

static int visit(struct walk *w, const struct object_entry *e, unsigned depth, bool has_lfs)
{
	switch (e->mode) {
	case OBJECT_MODE_DIR:
		return visit_dir(w, e, depth, has_lfs);
	case OBJECT_MODE_FILE:
	case OBJECT_MODE_FILE_GROUP:
	case OBJECT_MODE_EXECUTABLE:
		return visit_file(w, e, has_lfs);
	case OBJECT_MODE_LINK:
		return visit_link(w, e, depth);
	case OBJECT_MODE_SUBMODULE:
		return refuse(w, e->name,
			"is a submodule, which is not supported: put its files into the repository "
			"(git rm --cached the path, remove its .git, git add it)");
	default:
		return refuse(w, e->name, "is neither file, folder nor link");
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int r = memcmp(x->p, y->p, n);
	return r != 0 ? r : (x->len > y->len) - (x->len < y->len);
}

/* Two entries of one name, such as a link and a folder, are how a checkout is led astray. */
static int check_duplicates(struct walk *w, struct str entries, size_t count)
{
	_cleanup_free_ struct str *names = xcalloc(count + 1, sizeof *names);
	struct object_entry e;

	for (size_t i = 0; i < count && object_next_entry(&entries, &e) == 1; i++)
		names[i] = e.name;
	qsort(names, count, sizeof *names, compare_names);
	for (size_t i = 1; i < count; i++)
		if (str_eq(names[i - 1], names[i]))
			return refuse(w, names[i], "is there twice");
	return 0;
}

/* Does this .gitattributes give files to LFS? */
static int find_lfs(struct walk *w, const struct object_entry *e, bool *has_lfs)
{
	_cleanup_object_ git_odb_object *object = NULL;
	int r = read_object(w, e, GIT_OBJECT_BLOB, ATTRIBUTES_MAX, &object);

	if (r == 0 && memmem(git_odb_object_data(object), git_odb_object_size(object), "filter=lfs",
			      strlen("filter=lfs")))
		*has_lfs = true;
	return r;
}

/* Checks all entries of a folder by themselves before any is visited. */
static int check_entries(struct walk *w, struct str entries, bool *has_lfs)
{
	struct str rest = entries;
	struct object_entry e;
	size_t count = 0;
	int r;

	while ((r = object_next_entry(&rest, &e)) == 1) {
		const char *problem = name_entry_problem(e.name);
		if (problem)
			return refuse(w, e.name, problem);
		if (buf_len(&w->path) + e.name.len > w->limits->path_max)
			return refuse(w, e.name, "has too long a path");
		if (e.mode == OBJECT_MODE_DIR)
			w->totals.dirs++;
		else
			w->totals.files++;
		if (w->totals.files + w->totals.dirs > w->limits->files_max)
			return err_set(w->err, EBADMSG,
				"the tree has more than %zu files and folders, which is the limit",
				w->limits->files_max);
		if (str_eq(e.name, STR(".gitattributes")) && e.mode == OBJECT_MODE_FILE &&
			(r = find_lfs(w, &e, has_lfs)) < 0)
			return r;
		count++;
	}
	return r < 0 ? refuse(w, STR("."), "is a malformed folder object")
		     : check_duplicates(w, entries, count);
}

static int walk_tree(struct walk *w, const git_oid *id, unsigned depth, bool has_lfs)
{
	_cleanup_object_ git_odb_object *object = NULL;
	struct object_entry e = {.name = STR("."), .id = id->id};
	/* Every entry takes at least that much, so a larger one has too many of them, or long names
	 * only an attacker chooses; the walk must not even read it. */
	size_t bytes_max = w->limits->files_max * (ENTRY_BYTES_MIN + 100);
	int r = read_object(w, &e, GIT_OBJECT_TREE, bytes_max, &object);

	if (r < 0)
		return r;
	struct str rest = {git_odb_object_data(object), git_odb_object_size(object)};
	r = check_entries(w, rest, &has_lfs);
	while (r == 0 && object_next_entry(&rest, &e) == 1)
		r = visit(w, &e, depth, has_lfs);
	return r;
}

int tree_walk(git_odb *odb, const git_oid *tree, const struct tree_limits *limits,
	const struct tree_visitor *visitor, struct tree_totals *ret, struct err *err)
{
	struct walk w = {
		.odb = odb,
		.limits = limits,
		.visitor = visitor,
		.path = BUF_INIT(limits->path_max + 1),
		.err = err,
	};
	int r = walk_tree(&w, tree, 0, false);

	buf_free(&w.path);
	if (r == 0 && ret)
		*ret = w.totals;
	return r;
}
