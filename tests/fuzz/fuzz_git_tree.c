/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes raw trees and commits, and the rules for the names in them.
 */
#include "agent/git/name.h"
#include "agent/git/object.h"
#include "agent/git/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size}, rest = all;
	struct object_entry e;
	char id[IDENT_COMMIT_LEN + 1], shown[NAME_SHOWN_MAX];

	while (object_next_entry(&rest, &e) == 1) {
		must(e.name.p >= all.p && e.name.p + e.name.len < all.p + all.len);
		(void)name_entry_problem(e.name);
		(void)name_link_problem(e.name, e.mode & 3);
		(void)name_ref_kind(e.name);
		name_show(e.name, shown);
		must(strlen(shown) < sizeof shown);
	}
	rest = all;
	if (object_commit_tree(&rest, id) == 0)
		while (object_next_parent(&rest, id) == 1)
			;
	(void)text_clean(all, shown, sizeof shown);
	(void)name_entry_problem(all);
	(void)name_link_problem(all, 2);
	(void)name_ref_kind(all);
	return 0;
}
