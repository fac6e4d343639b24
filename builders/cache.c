/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounding a build cache. A tool's cache goes as a whole: half of one may be worse than none.
 */
#include "builders/cache.h"

#include "builders/source.h"
#include "lib/base/base.h"
#include "lib/sys/file.h"

unsigned cache_trim(const char *cache_dir, int64_t max)
{
	_cleanup_names_ struct source_names names = {0};
	_cleanup_(source_close) struct source s = {-1};
	int64_t bytes[SOURCE_LIST_MAX], total = 0;
	unsigned removed = 0;

	if (source_open(cache_dir, &s, NULL) < 0)
		return 0;
	source_list(&s, ".", &names);
	for (size_t i = 0; i < names.count; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", cache_dir, names.names[i]);
		int64_t n = file_tree_bytes(path);
		bytes[i] = n > 0 ? n : 0;
		total += bytes[i];
	}
	while (total > max && removed < names.count) {
		size_t largest = 0;
		for (size_t i = 1; i < names.count; i++)
			if (bytes[i] > bytes[largest])
				largest = i;
		_cleanup_free_ char *path = xasprintf("%s/%s", cache_dir, names.names[largest]);
		(void)file_remove_tree(path, NULL);
		total -= bytes[largest];
		bytes[largest] = 0;
		removed++;
	}
	return removed;
}
