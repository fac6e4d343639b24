/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules for names.
 */
#include "agent/git/name.h"

#include "agent/git/text.h"
#include "lib/base/ident.h"

/* ".git" to HFS+: without case, ignorable characters anywhere. */
static bool is_hfs_dot_git(struct str name)
{
	static const char want[] = ".git";
	size_t matched = 0;

	for (size_t i = 0; i < name.len;) {
		uint32_t c = 0;
		size_t n = text_decode_utf8(name.p + i, name.len - i, &c);
		if (n == 0)
			return false;
		i += n;
		if (text_is_ignorable(c))
			continue;
		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (matched == sizeof want - 1 || c != (unsigned char)want[matched])
			return false;
		matched++;
	}
	return matched == sizeof want - 1;
}

/* ".git" or "git~1" to NTFS: without case, trailing dots and spaces dropped, streams behind ':',
 * and '\\' separates folders. */
static bool is_ntfs_dot_git(struct str name)
{
	static const struct str forms[] = {STR(".git"), STR("git~1")};

	for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
		size_t n = forms[f].len;
		if (name.len < n || !str_ieq((struct str){name.p, n}, forms[f]))
			continue;
		while (n < name.len && (name.p[n] == '.' || name.p[n] == ' '))
			n++;
		if (n == name.len || name.p[n] == ':' || name.p[n] == '\\')
			return true;
	}
	return false;
}

const char *name_entry_problem(struct str name)
{
	if (name.len == 0)
		return "has an empty name";
	if (name.len > NAME_ENTRY_MAX)
		return "has a name of more than 255 bytes";
	if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
		return "is named '.' or '..'";
	if (memchr(name.p, '/', name.len) || memchr(name.p, '\0', name.len))
		return "has a slash in one name";
	if (is_ntfs_dot_git(name) || is_hfs_dot_git(name))
		return "is a form of '.git'";
	return NULL;
}

const char *name_link_problem(struct str target, unsigned depth)
{
	struct str part;
	unsigned up = 0;
	bool is_down = false;

	if (target.len == 0)
		return "points nowhere";
	if (target.len > NAME_LINK_MAX)
		return "has a target of more than 4095 bytes";
	if (memchr(target.p, '\0', target.len))
		return "has a NUL in its target";
	if (target.p[0] == '/')
		return "points to an absolute path";
	while (str_split(&target, '/', &part)) {
		if (part.len == 0 || str_eq(part, STR(".")))
			continue;
		if (!str_eq(part, STR(".."))) {
			is_down = true;
			continue;
		}
		if (is_down)
			return "has '..' behind a name in its target";
		if (++up > depth)
			return "points out of the tree";
	}
	return NULL;
}

/* git-check-ref-format(1), and ASCII only. */
static bool is_ref_component(struct str part)
{
	if (part.len == 0 || part.p[0] == '.' || part.p[0] == '-' || str_ends(part, STR(".lock")) ||
		str_ends(part, STR(".")))
		return false;
	for (size_t i = 0; i < part.len; i++) {
		char c = part.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("~^:?*[\\\"'`$;&|<>(){}!", c))
			return false;
		if (c == '.' && i + 1 < part.len && part.p[i + 1] == '.')
			return false;
	}
	return true;
}

static bool is_number(struct str s)
{
	if (s.len == 0 || s.len > 10)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool is_commit(struct str s)
{
	char text[IDENT_COMMIT_LEN + 1];

	return s.len == IDENT_COMMIT_LEN && str_copy(text, sizeof text, s) == 0 &&
	       ident_is_commit(text);
}

enum name_ref_kind name_ref_kind(struct str ref)
{
	static const struct {
		struct str prefix;
		enum name_ref_kind kind;
	} kinds[] = {
		{STR("refs/heads/"), NAME_REF_BRANCH},
		{STR("refs/tags/"), NAME_REF_TAG},
		{STR("refs/berth/push/"), NAME_REF_PUSH},
		{STR("refs/berth/releases/"), NAME_REF_RELEASE},
	};

	if (ref.len > NAME_REF_MAX || str_ends(ref, STR("/")))
		return NAME_REF_REFUSED;
	struct str rest = ref, part;
	while (str_split(&rest, '/', &part))
		if (!is_ref_component(part))
			return NAME_REF_REFUSED;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!str_starts(ref, kinds[i].prefix))
			continue;
		struct str name = {ref.p + kinds[i].prefix.len, ref.len - kinds[i].prefix.len};
		if ((kinds[i].kind == NAME_REF_PUSH && !is_commit(name)) ||
			(kinds[i].kind == NAME_REF_RELEASE && !is_number(name)))
			return NAME_REF_REFUSED;
		return name.len > 0 ? kinds[i].kind : NAME_REF_REFUSED;
	}
	return NAME_REF_REFUSED;
}

void name_show(struct str name, char to[NAME_SHOWN_MAX])
{
	(void)text_clean(name, to, NAME_SHOWN_MAX);
}
