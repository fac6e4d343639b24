/* SPDX-License-Identifier: Apache-2.0
 *
 * By age of the last line.
 */
#include "agent/runtime/supervise/log_prune.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "lib/base/str.h"

#define FOUND_MAX 4096

struct found {
	char name[NAME_MAX + 1];
	uint64_t bytes;
	int64_t changed_ns;
};

static int by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	return x->changed_ns < y->changed_ns ? -1 : x->changed_ns > y->changed_ns;
}

static bool is_log(const char *name)
{
	return has_suffix(name, ".log") || has_suffix(name, ".log.1");
}

/* All logs of the folder but those of `own`; the caller frees them. */
static struct found *scan(DIR *dir, const char *own, size_t *ret_count)
{
	struct found *all = NULL;
	struct stat st;
	size_t count = 0;

	for (struct dirent *e; (e = readdir(dir)) != NULL && count < FOUND_MAX;) {
		if (!is_log(e->d_name) || has_prefix(e->d_name, own) ||
			fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		all = xrealloc(all, count + 1, sizeof *all);
		struct found *f = &all[count++];
		(void)!str_copy(f->name, sizeof f->name, str_from(e->d_name));
		f->bytes = (uint64_t)st.st_size;
		f->changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	}
	*ret_count = count;
	return all;
}

void log_prune(const char *log_path, size_t files_max, uint64_t bytes_max)
{
	const char *slash = strrchr(log_path, '/');
	_cleanup_free_ char *folder =
		slash ? xstrndup(log_path, (size_t)(slash - log_path)) : xstrdup(".");
	uint64_t bytes = 0;
	size_t count = 0;
	DIR *dir = opendir(folder);

	if (!dir)
		return;
	_cleanup_free_ struct found *all = scan(dir, slash ? slash + 1 : log_path, &count);
	for (size_t i = 0; i < count; i++)
		bytes += all[i].bytes;
	if (count > 0)
		qsort(all, count, sizeof *all, by_age);
	for (size_t i = 0; i < count && (count - i > files_max || bytes > bytes_max); i++) {
		(void)unlinkat(dirfd(dir), all[i].name, 0);
		bytes -= all[i].bytes;
	}
	(void)closedir(dir);
}
