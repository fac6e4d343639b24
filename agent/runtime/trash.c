/* SPDX-License-Identifier: Apache-2.0
 *
 * The threads share nothing with the agent but the path that they were given.
 */
#include "agent/runtime/trash.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

static void *remove_tree(void *path)
{
	(void)file_remove_tree(path, NULL);
	free(path);
	return NULL;
}

/* Takes `path`. */
static void remove_behind(char *path)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, remove_tree, path) != 0)
		free(path); /* left for the next start */
	else
		(void)pthread_detach(thread);
}

void trash_discard(const char *state, const char *path)
{
	_cleanup_free_ char *trash = xasprintf("%s/trash", state);
	static unsigned count;

	if (file_make_dirs(trash, S_IRWXU, NULL) < 0)
		return;
	char *moved = xasprintf(
		"%s/%lld.%d.%u", trash, (long long)clock_wall_ms(), (int)getpid(), count++);
	if (rename(path, moved) < 0)
		free(moved);
	else
		remove_behind(moved);
}

void trash_empty(const char *state)
{
	_cleanup_free_ char *trash = xasprintf("%s/trash", state);
	DIR *dir = opendir(trash);

	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			remove_behind(xasprintf("%s/%s", trash, e->d_name));
	(void)closedir(dir);
}
