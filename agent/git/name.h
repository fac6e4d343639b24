/* SPDX-License-Identifier: Apache-2.0
 *
 * What a pushed tree may contain, by name: entries of folders, targets of links, refs. Pure, and
 * the one place where these rules are; the fuzz target holds it to never crash.
 */
#ifndef BERTH_AGENT_GIT_NAME_H
#define BERTH_AGENT_GIT_NAME_H

#include "lib/base/str.h"

#define NAME_ENTRY_MAX 255 /* NAME_MAX of every Linux file system */
#define NAME_REF_MAX 255
#define NAME_LINK_MAX 4095 /* PATH_MAX without its NUL */

/* NULL when `name` may be an entry of a folder, else words for why not: ".git" in any of the
 * forms that some file system takes for it (case, NTFS short names and streams, HFS+ ignorable
 * characters), ".", "..", empty, too long, with a slash or NUL. */
const char *name_entry_problem(struct str name);

/* NULL when a link whose folder is `depth` levels below the top may point to `target`, else words.
 * A target is relative, ".." comes only at its start and at most `depth` times. So it stays inside
 * even through other links: each of them starts at a real folder and obeys the same rule. */
const char *name_link_problem(struct str target, unsigned depth);

enum name_ref_kind {
	NAME_REF_BRANCH, /* refs/heads/...: deploys */
	NAME_REF_TAG, /* refs/tags/...: kept */
	NAME_REF_PUSH, /* refs/berth/push/<commit>: kept, deployed through the API */
	NAME_REF_RELEASE, /* refs/berth/releases/<n>: the agent's pins, never a client's */
	NAME_REF_REFUSED
};

/* The kind of a ref's full name; git-check-ref-format(1) without the characters that shells and
 * terminals mind. */
enum name_ref_kind name_ref_kind(struct str ref);

/* For messages: control characters and invalid UTF-8 become '?', what does not fit is cut. */
#define NAME_SHOWN_MAX 160
void name_show(struct str name, char to[NAME_SHOWN_MAX]);

#endif
