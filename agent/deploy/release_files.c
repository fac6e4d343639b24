/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing what belongs to a release's folder.
 */
#include "agent/deploy/release_files.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/data/envfile.h"
#include "lib/data/json.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

#define FOLDER_MODE 0755
/* release.json is a plan and a few short members. */
#define RELEASE_BYTES_MAX (PLAN_BYTES_MAX + 65536u)

char *release_path(
	const struct runtime_paths *paths, const char *app, unsigned number, const char *leaf)
{
	return xasprintf("%s/apps/%s/releases/%u%s%s", paths->state, app, number, leaf ? "/" : "",
		leaf ? leaf : "");
}

int release_make_dir(
	const struct runtime_paths *paths, const char *app, unsigned number, struct err *err)
{
	_cleanup_free_ char *dir = release_path(paths, app, number, NULL);

	if (file_exists(dir)) {
		int r = file_remove_tree(dir, err);
		if (r < 0)
			return r;
	}
	int r = file_make_dirs(dir, FOLDER_MODE, err);
	if (r == 0 && chmod(dir, FOLDER_MODE) < 0)
		r = err_errno(err, errno, "cannot open the folder %s to its app", dir);
	return r;
}

/* A regular file in the release's folder itself, never through a link. */
static int read_in_dir(const struct runtime_paths *paths, const char *app, unsigned number,
	const char *leaf, struct buf *to, struct err *err)
{
	_cleanup_free_ char *path = release_path(paths, app, number, leaf);
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_errno(err, errno, "cannot open %s of release v%u", leaf, number);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(
			err, EINVAL, "%s of release v%u is not a regular file", leaf, number);
	int r = fd_read_all(fd, to);
	if (r == -ENOBUFS)
		return err_set(err, EFBIG, "%s of release v%u is larger than %zu bytes", leaf,
			number, to->max);
	return r < 0 ? err_errno(err, -r, "cannot read %s of release v%u", leaf, number) : 0;
}

int release_read_plan(const struct runtime_paths *paths, const char *app, unsigned number,
	struct plan **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT(PLAN_BYTES_MAX);
	int r = read_in_dir(paths, app, number, "plan.json", &text, err);
	return r < 0 ? r : plan_parse(buf_data(&text), buf_len(&text), ret, err);
}

int release_write(
	const struct runtime_paths *paths, const struct release_file *file, struct err *err)
{
	_cleanup_free_ char *path = release_path(paths, file->app, file->number, "release.json");
	_cleanup_free_ char *plan_text = plan_format(file->plan);
	json_t *plan = json_loads(plan_text, 0, NULL);
	must(plan);
	json_t *root = json_pack("{s:s, s:i, s:s, s:i, s:o}", "app", file->app, "number",
		(int)file->number, "commit", file->commit, "code_release", (int)file->code_release,
		"plan", plan);
	must(root);
	_cleanup_free_ char *text = json_line(root);
	json_decref(root);
	return file_replace(path, text, strlen(text), 0644, err);
}

static int parse_release(const char *text, size_t len, struct plan **ret_plan,
	unsigned *ret_code_release, struct err *err)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *plan = json_object_get(root, "plan");
	json_int_t code = json_integer_value(json_object_get(root, "code_release"));
	int r;

	if (!json_is_object(plan) || code <= 0 || code > INT32_MAX) {
		r = err_set(err, EBADMSG, "release.json is damaged");
	} else {
		_cleanup_free_ char *plan_text = json_line(plan);
		r = plan_parse(plan_text, strlen(plan_text), ret_plan, err);
		*ret_code_release = (unsigned)code;
	}
	json_decref(root);
	return r;
}

int release_load(const struct runtime_paths *paths, const char *app, unsigned number,
	struct plan **ret_plan, unsigned *ret_code_release, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT(RELEASE_BYTES_MAX);
	int r = read_in_dir(paths, app, number, "release.json", &text, err);
	if (r == 0)
		r = parse_release(buf_data(&text), buf_len(&text), ret_plan, ret_code_release, err);
	return r < 0 ? err_wrap(err, "release v%u of %s", number, app) : 0;
}

static int set_all(
	struct envfile *file, const struct env_list *env, const char *app_url, struct err *err)
{
	int r = 0;

	if (app_url)
		r = envfile_set(file, "APP_URL", app_url, err);
	for (size_t i = 0; i < env->count && r == 0; i++)
		r = envfile_set(file, env->pairs[i].name, env->pairs[i].value, err);
	return r;
}

int release_write_env(const char *path, const char *first, const struct env_list *env,
	const char *app_url, struct err *err)
{
	_cleanup_(envfile_freep) struct envfile *file = NULL;
	int r = 0;

	if (first)
		r = envfile_parse("the build environment", first, strlen(first), &file, err);
	else
		file = envfile_new();
	if (r == 0)
		r = set_all(file, env, app_url, err);
	if (r < 0)
		return r;
	char *text = envfile_format(file);
	r = file_replace(path, text, strlen(text), 0600, err);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}
