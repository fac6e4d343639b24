/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping the list of cut-off points.
 */
#include "agent/git/shallow.h"

#include <errno.h>

#include "agent/git/object.h"
#include "agent/git/repo.h"
#include "lib/sys/file.h"

#define SHALLOW_BYTES_MAX (1u << 20)

static bool is_cut(git_odb *odb, const char *id)
{
	_cleanup_object_ git_odb_object *object = NULL;
	char text[IDENT_COMMIT_LEN + 1];
	git_oid oid;

	if (git_oid_fromstr(&oid, id) < 0 || git_odb_read(&object, odb, &oid) < 0 ||
		git_odb_object_type(object) != GIT_OBJECT_COMMIT)
		return false;
	struct str rest = {git_odb_object_data(object), git_odb_object_size(object)};
	if (object_commit_tree(&rest, text) < 0)
		return false;
	while (object_next_parent(&rest, text) == 1)
		if (git_oid_fromstr(&oid, text) < 0 || !git_odb_exists(odb, &oid))
			return true;
	return false;
}

static int add_missing(git_odb *odb, const struct commands *c, struct buf *list)
{
	for (size_t i = 0; i < c->shallow_count; i++) {
		const char *text = buf_cstr(list);
		if (!text)
			return -ENOBUFS;
		if (strstr(text, c->shallow[i]) || !is_cut(odb, c->shallow[i]))
			continue;
		int r = buf_printf(list, "%s\n", c->shallow[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int shallow_record(git_repository *repo, const struct commands *c, struct err *err)
{
	_cleanup_buf_ struct buf list = BUF_INIT(SHALLOW_BYTES_MAX);
	_cleanup_free_ char *path = xasprintf("%sshallow", git_repository_path(repo));
	_cleanup_free_ char *text = NULL;
	_cleanup_odb_ git_odb *odb = NULL;
	size_t before = 0;

	if (c->shallow_count == 0)
		return 0;
	if (file_exists(path)) {
		int r = file_read(path, SHALLOW_BYTES_MAX, &text, &before, err);
		if (r < 0)
			return r;
	}
	if (git_repository_odb(&odb, repo) < 0)
		return repo_err(err, "cannot read the repository");
	if (buf_append(&list, text, before) < 0 || add_missing(odb, c, &list) < 0)
		return err_set(err, EBADMSG, "too many pushes from shallow clones");
	if (buf_len(&list) == before)
		return 0;
	return file_replace(path, buf_data(&list), buf_len(&list), 0600, err);
}
