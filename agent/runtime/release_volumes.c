/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads only "plan": {"volumes": [...]}.
 */
#include "agent/runtime/release_volumes.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

#include "lib/sys/file.h"

#define RELEASE_BYTES_MAX (2u << 20)

static int copy_names(const json_t *names, struct release_volumes *ret, struct err *err)
{
	for (size_t n = 0; n < json_array_size(names); n++) {
		const char *name = json_string_value(json_array_get(names, n));
		if (!name || ident_check_process(name, err) < 0)
			return err_set(err, EINVAL, "volume %zu has no valid name", n + 1);
		if (ret->count == RELEASE_VOLUMES_MAX)
			return err_set(err, E2BIG, "more than %d volumes", RELEASE_VOLUMES_MAX);
		(void)!str_copy(ret->names[ret->count], sizeof ret->names[0], str_from(name));
		ret->count++;
	}
	return 0;
}

int release_read_volumes(const char *state, const char *app, unsigned release,
	struct release_volumes *ret, struct err *err)
{
	_cleanup_free_ char *path =
		xasprintf("%s/apps/%s/releases/%u/release.json", state, app, release);
	_cleanup_free_ char *text = NULL;
	size_t len;

	*ret = (struct release_volumes){0};
	int r = file_read(path, RELEASE_BYTES_MAX, &text, &len, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	json_t *root = json_loadb(text, len, 0, NULL);
	r = copy_names(json_object_get(json_object_get(root, "plan"), "volumes"), ret, err);
	json_decref(root);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

int release_make_volumes(const char *state, const struct instance_id *id, struct err *err)
{
	struct release_volumes volumes;

	int r = release_read_volumes(state, id->app, id->release, &volumes, err);
	for (unsigned n = 0; r == 0 && n < volumes.count; n++) {
		_cleanup_free_ char *path =
			xasprintf("%s/apps/%s/volumes/%s", state, id->app, volumes.names[n]);
		r = file_make_dirs(path, S_IRWXU, err);
	}
	return r;
}
