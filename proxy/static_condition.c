/* SPDX-License-Identifier: Apache-2.0
 *
 * Validators and weights.
 */
#include "proxy/static_condition.h"

#include "lib/base/clock.h"

/* Takes one entity tag off the front of a list; false at the end or at something else. */
static bool take_tag(struct str *list, struct str *ret_opaque, bool *ret_weak)
{
	struct str s = *list;

	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == ',')) {
		s.p++;
		s.len--;
	}
	*ret_weak = str_starts(s, STR("W/"));
	if (*ret_weak) {
		s.p += 2;
		s.len -= 2;
	}
	if (s.len < 2 || s.p[0] != '"')
		return false;
	const char *end = memchr(s.p + 1, '"', s.len - 1);
	if (!end)
		return false;
	size_t n = (size_t)(end - s.p) + 1;
	*ret_opaque = (struct str){s.p, n};
	*list = (struct str){s.p + n, s.len - n};
	return true;
}

/* `strong`: weak tags never match (§8.8.3.2). */
static bool list_has_tag(struct str list, const char *etag, bool strong)
{
	struct str opaque;
	bool weak;

	if (str_eq(str_trim(list), STR("*")))
		return true;
	while (take_tag(&list, &opaque, &weak))
		if (str_eq(opaque, str_from(etag)) && !(strong && weak))
			return true;
	return false;
}

static bool read_date(struct str field, int64_t *ret)
{
	return field.p && http_date_parse(field, clock_wall_ms() / 1000, ret) == 0;
}

enum static_condition static_check_conditions(
	const struct static_request *request, const char *etag, int64_t modified)
{
	int64_t date;

	if (request->if_match.p) {
		if (!list_has_tag(request->if_match, etag, true))
			return STATIC_FAILED;
	} else if (read_date(request->if_unmodified_since, &date) && modified > date) {
		return STATIC_FAILED;
	}
	if (request->if_none_match.p)
		return list_has_tag(request->if_none_match, etag, false) ? STATIC_NOT_MODIFIED
									 : STATIC_PROCEED;
	if (read_date(request->if_modified_since, &date) && modified == date)
		return STATIC_NOT_MODIFIED;
	return STATIC_PROCEED;
}

bool static_if_range_holds(const struct static_request *request, const char *etag, int64_t modified)
{
	struct str field = request->if_range;
	int64_t date;

	if (!field.p)
		return true;
	if (str_starts(field, STR("\"")))
		return str_eq(field, str_from(etag));
	return read_date(field, &date) && date == modified;
}

/* qvalue (§12.4.2): "0", "1", "0.5", up to three decimals. False when it is none. */
static bool read_weight(struct str s, unsigned *ret)
{
	unsigned v = 0, scale = 1000;

	if (s.len == 0 || s.len > 5 || (s.p[0] != '0' && s.p[0] != '1') ||
		(s.len > 1 && s.p[1] != '.'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (i == 1)
			continue;
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v += (unsigned)(s.p[i] - '0') * scale;
		scale /= 10;
	}
	*ret = v;
	return v <= 1000;
}

/* One member of the list: "gzip", "br;q=0.5", "*;q=0". */
static bool read_member(struct str member, struct str *ret_coding, unsigned *ret_weight)
{
	struct str parameter;

	*ret_weight = 1000;
	if (!str_split(&member, ';', &parameter))
		return false;
	*ret_coding = str_trim(parameter);
	while (str_split(&member, ';', &parameter)) {
		parameter = str_trim(parameter);
		struct str name = {parameter.p, parameter.len < 2 ? parameter.len : 2};
		if (str_ieq(name, STR("q=")) &&
			!read_weight((struct str){parameter.p + 2, parameter.len - 2}, ret_weight))
			return false;
	}
	return true;
}

unsigned static_encoding_weight(struct str accept_encoding, const char *coding)
{
	struct str member, name;
	unsigned weight, any = 0;

	while (str_split(&accept_encoding, ',', &member)) {
		if (!read_member(str_trim(member), &name, &weight))
			continue;
		if (str_ieq(name, str_from(coding)) ||
			(streq(coding, "gzip") && str_ieq(name, STR("x-gzip"))))
			return weight;
		if (str_eq(name, STR("*")))
			any = weight;
	}
	return any;
}
