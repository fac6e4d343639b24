/* SPDX-License-Identifier: Apache-2.0
 *
 * Raw git objects.
 */
#include "agent/git/object.h"

#include <errno.h>

int object_next_entry(struct str *rest, struct object_entry *ret)
{
	size_t i = 0;
	unsigned mode = 0;

	if (rest->len == 0)
		return 0;
	for (; i < rest->len && rest->p[i] != ' '; i++) {
		if (rest->p[i] < '0' || rest->p[i] > '7' || i >= 6)
			return -EBADMSG;
		mode = mode << 3 | (unsigned)(rest->p[i] - '0');
	}
	if (i == 0 || i == rest->len)
		return -EBADMSG;
	const char *name = rest->p + i + 1;
	const char *nul = memchr(name, '\0', rest->len - i - 1);
	const char *end = rest->p + rest->len;
	if (!nul || end - nul - 1 < OBJECT_ID_LEN)
		return -EBADMSG;
	*ret = (struct object_entry){
		.mode = mode,
		.name = {name, (size_t)(nul - name)},
		.id = (const unsigned char *)nul + 1,
	};
	rest->p = nul + 1 + OBJECT_ID_LEN;
	rest->len = (size_t)(end - rest->p);
	return 1;
}

/* "<word> <40 hex>\n" at the front: 1 and taken, 0 when another word stands there. */
static int take_line(struct str *rest, struct str word, char ret_id[IDENT_COMMIT_LEN + 1])
{
	if (!str_starts(*rest, word))
		return 0;
	size_t len = word.len + IDENT_COMMIT_LEN + 1;
	if (rest->len < len || rest->p[len - 1] != '\n')
		return -EBADMSG;
	char id[IDENT_COMMIT_LEN + 1];
	if (str_copy(id, sizeof id, (struct str){rest->p + word.len, IDENT_COMMIT_LEN}) < 0 ||
		!ident_is_commit(id))
		return -EBADMSG;
	memcpy(ret_id, id, sizeof id);
	rest->p += len;
	rest->len -= len;
	return 1;
}

int object_commit_tree(struct str *rest, char ret_id[IDENT_COMMIT_LEN + 1])
{
	return take_line(rest, STR("tree "), ret_id) == 1 ? 0 : -EBADMSG;
}

int object_next_parent(struct str *rest, char ret_id[IDENT_COMMIT_LEN + 1])
{
	return take_line(rest, STR("parent "), ret_id);
}

int object_tag_target(struct str *rest, char ret_id[IDENT_COMMIT_LEN + 1])
{
	return take_line(rest, STR("object "), ret_id) == 1 ? 0 : -EBADMSG;
}
