/* SPDX-License-Identifier: Apache-2.0
 *
 * The input's lines are path, query, Range, Accept-Encoding, If-None-Match and If-Modified-Since of
 * a static request. Properties: a decoded path stays beneath its root, a range inside its file.
 */
#include <stdint.h>

#include "proxy/static_condition.h"
#include "proxy/static_path.h"
#include "proxy/static_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct str encoded, struct str query)
{
	char path[STATIC_PATH_MAX];
	enum static_path_kind kind = static_path_decode(encoded, path);

	if (kind == STATIC_PATH_FILE || kind == STATIC_PATH_FOLDER) {
		struct str rest = str_from(path), segment;
		must(rest.len < STATIC_PATH_MAX && !str_starts(rest, STR("/")));
		while (str_split(&rest, '/', &segment))
			must(segment.len > 0 && !str_eq(segment, STR("..")) &&
				(segment.p[0] != '.' || str_eq(segment, STR(".well-known"))));
	}
	_cleanup_free_ char *location = static_path_with_slash(encoded, query);
	must(location[0] == '/' && location[1] != '/' && !strpbrk(location, "\r\n\\ "));
	(void)static_path_is_hashed(encoded);
}

static void check_range(struct str field, uint64_t size)
{
	uint64_t offset, length;

	if (static_range_parse(field, size, &offset, &length) == STATIC_RANGE_PART)
		must(length > 0 && offset < size && length <= size - offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line[6] = {0};
	char etag[] = "\"0123456789abcdef\"";

	for (size_t i = 0; i < ARRAY_SIZE(line); i++)
		if (!str_split(&rest, '\n', &line[i]))
			line[i] = STR("");
	check_path(line[0], line[1]);
	check_range(line[2], 0);
	check_range(line[2], 1000);
	check_range(line[2], UINT64_MAX);
	must(static_encoding_weight(line[3], "br") <= 1000);
	struct static_request request = {
		.if_none_match = line[4], .if_modified_since = line[5], .if_range = line[5]};
	(void)static_check_conditions(&request, etag, 784111777);
	(void)static_if_range_holds(&request, etag, 784111777);
	return 0;
}
