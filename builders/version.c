/* SPDX-License-Identifier: Apache-2.0
 *
 * Version comparisons. Pure.
 */
#include "builders/version.h"

#include <ctype.h>

#define PARTS 3

enum op { OP_ANY, OP_EQ, OP_PREFIX, OP_NE, OP_NE_PREFIX, OP_GE, OP_GT, OP_LE, OP_LT };

struct version {
	unsigned part[PARTS];
	unsigned given; /* how many parts were written */
	bool wild; /* ended in ".x" or ".*", or was "*" */
};

/* Reads "20", "v20.1", "3.11.*"; what is behind it in *rest. False: not a version. */
static bool read_version(const char *s, struct version *v, const char **rest)
{
	*v = (struct version){0};
	if (*s == 'v' || *s == 'V')
		s++;
	for (;;) {
		if (*s == '*' || *s == 'x' || *s == 'X') {
			v->wild = true;
			s++;
		} else {
			unsigned n = 0;
			if (!isdigit((unsigned char)*s))
				return false;
			for (; isdigit((unsigned char)*s); s++)
				n = n < 100000 ? n * 10 + (unsigned)(*s - '0') : n;
			if (v->given < PARTS && !v->wild)
				v->part[v->given++] = n;
		}
		if (*s != '.')
			break;
		s++;
	}
	*rest = s;
	return true;
}

static int compare(const struct version *a, const struct version *b, unsigned parts)
{
	for (unsigned i = 0; i < parts && i < PARTS; i++)
		if (a->part[i] != b->part[i])
			return a->part[i] < b->part[i] ? -1 : 1;
	return 0;
}

int version_compare(const char *a, const char *b)
{
	struct version va, vb;
	const char *rest;

	(void)read_version(a, &va, &rest);
	(void)read_version(b, &vb, &rest);
	return compare(&va, &vb, PARTS);
}

static bool holds(enum op op, const struct version *have, const struct version *want)
{
	int whole = compare(have, want, PARTS);

	switch (op) {
	case OP_ANY:
		return true;
	case OP_EQ:
		return whole == 0;
	case OP_NE:
		return whole != 0;
	case OP_PREFIX:
		return compare(have, want, want->given) == 0;
	case OP_NE_PREFIX:
		return compare(have, want, want->given) != 0;
	case OP_GE:
		return whole >= 0;
	case OP_GT:
		return whole > 0;
	case OP_LE:
		return whole <= 0;
	case OP_LT:
		return whole < 0;
	}
	return false;
}

/* The longest operator that `s` begins with. */
static const char *take_op(const char **s, const char *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (has_prefix(*s, ops[i])) {
			*s += strlen(ops[i]);
			while (isspace((unsigned char)**s))
				(*s)++;
			return ops[i];
		}
	return "";
}

/* One of "<op><version>" as PEP 440 has them. */
static enum version_answer python_clause(const struct version *have, const char *clause)
{
	static const char *const ops[] = {"===", "==", "!=", ">=", "<=", "~=", ">", "<"};
	const char *op = take_op(&clause, ops, ARRAY_SIZE(ops));
	struct version want;
	const char *rest;

	if (*op == '\0' || !read_version(clause, &want, &rest) || *rest != '\0')
		return VERSION_UNKNOWN;
	if (streq(op, "=="))
		return holds(want.wild ? OP_PREFIX : OP_EQ, have, &want) ? VERSION_YES : VERSION_NO;
	if (streq(op, "==="))
		return holds(OP_EQ, have, &want) ? VERSION_YES : VERSION_NO;
	if (streq(op, "!="))
		return holds(want.wild ? OP_NE_PREFIX : OP_NE, have, &want) ? VERSION_YES
									    : VERSION_NO;
	if (streq(op, "~=")) {
		bool up = holds(OP_GE, have, &want);
		return up && want.given > 0 && compare(have, &want, want.given - 1) == 0
			       ? VERSION_YES
			       : VERSION_NO;
	}
	enum op o = streq(op, ">=") ? OP_GE : streq(op, "<=") ? OP_LE : *op == '>' ? OP_GT : OP_LT;
	return holds(o, have, &want) ? VERSION_YES : VERSION_NO;
}

enum version_answer version_matches_python(const char *have, const char *specifier)
{
	struct str rest = str_from(specifier), part;
	enum version_answer all = VERSION_YES;
	struct version v;
	const char *tail;

	if (!read_version(have, &v, &tail))
		return VERSION_UNKNOWN;
	/* Poetry writes npm's caret there. */
	if (strchr(specifier, '^') || strstr(specifier, "||"))
		return version_matches_npm(have, specifier);
	while (str_split(&rest, ',', &part)) {
		_cleanup_free_ char *clause = str_dup(str_trim(part));
		if (*clause == '\0')
			continue;
		enum version_answer one = python_clause(&v, clause);
		if (one == VERSION_NO)
			return VERSION_NO;
		if (one == VERSION_UNKNOWN)
			all = VERSION_UNKNOWN;
	}
	return all;
}

/* "^1.2": the leftmost number that is not 0 stays. */
static bool caret(const struct version *have, const struct version *want)
{
	unsigned keep = want->part[0] > 0 || want->given < 2   ? 1
			: want->part[1] > 0 || want->given < 3 ? 2
							       : 3;
	return compare(have, want, PARTS) >= 0 && compare(have, want, keep) == 0;
}

/* One comparator; partial versions stand for all that begin with them. */
static enum version_answer npm_comparator(const struct version *have, const char *text)
{
	static const char *const ops[] = {">=", "<=", "^", "~>", "~", ">", "<", "="};
	const char *op = take_op(&text, ops, ARRAY_SIZE(ops));
	struct version want;
	const char *rest;
	bool yes;

	if (!read_version(text, &want, &rest) || *rest != '\0')
		return VERSION_UNKNOWN;
	if (want.given == 0)
		return VERSION_YES;
	int on_given = compare(have, &want, want.given);
	if (streq(op, ">="))
		yes = holds(OP_GE, have, &want);
	else if (streq(op, "<"))
		yes = holds(OP_LT, have, &want);
	else if (streq(op, ">"))
		yes = on_given > 0;
	else if (streq(op, "<="))
		yes = on_given <= 0;
	else if (streq(op, "^"))
		yes = caret(have, &want);
	else if (*op == '~')
		yes = holds(OP_GE, have, &want) &&
		      compare(have, &want, want.given < 2 ? 1 : 2) == 0;
	else
		yes = on_given == 0;
	return yes ? VERSION_YES : VERSION_NO;
}

/* All comparators of one alternative. "a - b" is ">=a <=b"; an operator may stand by itself. */
static enum version_answer npm_set(const struct version *have, struct str set)
{
	enum version_answer all = VERSION_YES;
	_cleanup_free_ char *text = str_dup(set);
	const char *p = text;
	const char *pending = "";
	bool upper = false;

	while (*(p += strspn(p, " \t,"))) {
		size_t n = strcspn(p, " \t,");
		if (n == 1 && *p == '-') {
			upper = true; /* the next is an upper bound */
			p += n;
			continue;
		}
		if (strspn(p, "<>=^~") == n) {
			pending = p; /* "> = 18" is not taken apart: only ">= 18" */
			p += n;
			continue;
		}
		bool lower = p[n] && has_prefix(p + n + strspn(p + n, " \t"), "- ");
		_cleanup_free_ char *one =
			xasprintf("%.*s%s%.*s", (int)strspn(pending, "<>=^~"), pending,
				upper	? "<="
				: lower ? ">="
					: "",
				(int)n, p);
		enum version_answer a = npm_comparator(have, one);
		if (a == VERSION_NO)
			return VERSION_NO;
		if (a == VERSION_UNKNOWN)
			all = VERSION_UNKNOWN;
		upper = false;
		pending = "";
		p += n;
	}
	return all;
}

enum version_answer version_matches_npm(const char *have, const char *range)
{
	enum version_answer any = VERSION_NO;
	struct version v;
	const char *rest, *p = range;

	if (!read_version(have, &v, &rest))
		return VERSION_UNKNOWN;
	for (;;) {
		const char *bars = strstr(p, "||");
		struct str set = {p, bars ? (size_t)(bars - p) : strlen(p)};
		enum version_answer a = npm_set(&v, set);
		if (a == VERSION_YES)
			return VERSION_YES;
		if (a == VERSION_UNKNOWN)
			any = VERSION_UNKNOWN;
		if (!bars)
			return any;
		p = bars + 2;
	}
}
