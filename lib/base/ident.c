/* SPDX-License-Identifier: Apache-2.0
 *
 * Allow-lists for names.
 */
#include "lib/base/ident.h"

#include <arpa/inet.h>
#include <errno.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_made_of(const char *s, const char *set)
{
	return s[strspn(s, set)] == '\0';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

int ident_check_app(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > IDENT_APP_MAX)
		return err_set(err, EINVAL,
			"app name must have 1 to %d characters, '%.60s' has %zu", IDENT_APP_MAX,
			name, len);
	if (!is_made_of(name, LOWER DIGITS "-"))
		return err_set(err, EINVAL,
			"app name '%s' may contain only a-z, 0-9 and '-'; try lower case", name);
	if (!is_lower(name[0]))
		return err_set(err, EINVAL, "app name '%s' must start with a letter a-z", name);
	if (name[len - 1] == '-' || strstr(name, "--"))
		return err_set(
			err, EINVAL, "app name '%s' must not end in '-' or contain '--'", name);
	return 0;
}

int ident_check_process(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > IDENT_PROCESS_MAX || !is_lower(name[0]) ||
		!is_made_of(name, LOWER DIGITS "_-"))
		return err_set(err, EINVAL,
			"name '%.60s' must start with a letter and have 1 to %d of a-z, 0-9, '_' and '-'",
			name, IDENT_PROCESS_MAX);
	return 0;
}

/* One label of a host name (RFC 1123 §2.1): 1 to 63 letters, digits and inner hyphens. */
static bool is_label(struct str label)
{
	if (label.len == 0 || label.len > 63 || label.p[0] == '-' || label.p[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!is_lower(label.p[i]) && label.p[i] != '-' &&
			(label.p[i] < '0' || label.p[i] > '9'))
			return false;
	return true;
}

int ident_check_domain(const char *domain, bool wildcard, struct err *err)
{
	unsigned char address[16];
	struct str rest = str_from(domain), label;
	size_t labels = 0;

	if (rest.len == 0 || rest.len > IDENT_DOMAIN_MAX)
		return err_set(err, EINVAL, "domain '%.60s' must have 1 to %d characters", domain,
			IDENT_DOMAIN_MAX);
	if (inet_pton(AF_INET, domain, address) == 1 || strchr(domain, ':'))
		return err_set(err, EINVAL, "'%s' is an address; use a domain name", domain);
	if (wildcard && str_starts(rest, STR("*."))) {
		rest.p += 2;
		rest.len -= 2;
	}
	bool dot_at_end = str_ends(rest, STR("."));
	while (str_split(&rest, '.', &label)) {
		if (!is_label(label))
			return err_set(err, EINVAL,
				"domain '%s' is not valid: '" STR_FMT
				"' must be 1 to 63 of a-z, 0-9 and "
				"inner '-' (use the xn-- form of an international name)",
				domain, STR_ARG(label));
		labels++;
	}
	if (labels == 0 || dot_at_end)
		return err_set(err, EINVAL, "domain '%s' has an empty label", domain);
	return 0;
}

int ident_normalise_domain(const char *typed, bool wildcard, char *to, struct err *err)
{
	size_t len = strlen(typed);

	if (len > 0 && typed[len - 1] == '.')
		len--;
	if (len > IDENT_DOMAIN_MAX)
		return err_set(err, EINVAL, "domain '%.60s...' is longer than %d characters", typed,
			IDENT_DOMAIN_MAX);
	for (size_t i = 0; i < len; i++)
		to[i] = typed[i] >= 'A' && typed[i] <= 'Z' ? (char)(typed[i] + ('a' - 'A'))
							   : typed[i];
	to[len] = '\0';
	return ident_check_domain(to, wildcard, err);
}

int ident_check_env(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > IDENT_ENV_MAX || strspn(name, DIGITS) > 0 ||
		!is_made_of(name, LOWER UPPER DIGITS "_"))
		return err_set(err, EINVAL,
			"environment name '%.60s' must be letters, digits and '_', not starting with a digit",
			name);
	return 0;
}

int ident_check_app_env(const char *name, struct err *err)
{
	static const char *const ours[] = {"PORT", "LISTEN", "HOST", "APP_URL"};
	int r = ident_check_env(name, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (streq(name, ours[i]))
			return err_set(err, EINVAL, "%s is set by berth for each process", name);
	if (has_prefix(name, "BERTH_"))
		return err_set(err, EINVAL, "names that begin with BERTH_ are set by berth");
	return 0;
}

bool ident_is_commit(const char *s)
{
	return strlen(s) == IDENT_COMMIT_LEN && is_made_of(s, "0123456789abcdef");
}
