/* SPDX-License-Identifier: Apache-2.0
 *
 * Field policy (RFC 9110 §7.6). Names are sorted out by length first: this runs over every field of
 * every request and response.
 */
#include "proxy/policy.h"

#include <errno.h>

#include "lib/http/writer.h"

enum verdict {
	KEEP,
	DROP,
	/* Named in Connection by a careless or hostile peer it still is what it is. */
	KEEP_ALWAYS,
};

struct rule {
	const char *name; /* lower case, with '-' */
	enum verdict request, response;
};

/* In the order of their lengths; the index below is built from it. */
static const struct rule rules[] = {
	{"te", DROP, DROP},
	{"host", DROP, KEEP},
	{"proxy", DROP, KEEP},
	{"expect", DROP, KEEP},
	{"cookie", KEEP_ALWAYS, KEEP},
	{"trailer", DROP, DROP},
	{"upgrade", DROP, DROP},
	{"trailers", DROP, DROP},
	{"forwarded", DROP, KEEP},
	{"x-real-ip", DROP, KEEP},
	{"connection", DROP, DROP},
	{"keep-alive", DROP, DROP},
	{"set-cookie", KEEP, KEEP_ALWAYS},
	{"authorization", KEEP_ALWAYS, KEEP},
	{"cache-control", KEEP_ALWAYS, KEEP_ALWAYS},
	{"content-length", DROP, DROP},
	{"http2-settings", DROP, DROP},
	{"x-forwarded-by", DROP, KEEP},
	{"x-forwarded-for", DROP, KEEP},
	{"x-forwarded-ssl", DROP, KEEP},
	{"x-forwarded-host", DROP, KEEP},
	{"x-forwarded-port", DROP, KEEP},
	{"proxy-connection", DROP, DROP},
	{"transfer-encoding", DROP, DROP},
	{"x-forwarded-proto", DROP, KEEP},
	{"proxy-authenticate", DROP, DROP},
	{"x-forwarded-prefix", DROP, KEEP},
	{"x-forwarded-scheme", DROP, KEEP},
	{"x-forwarded-server", DROP, KEEP},
	{"proxy-authorization", DROP, DROP},
	{"proxy-authentication-info", DROP, DROP},
};

/* Equal without case, and with '_' in the place of '-': CGI and WSGI see the two as one. */
static bool is_alias(struct str name, const char *rule)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if (c == '_')
			c = '-';
		if (c != rule[i])
			return false;
	}
	return true;
}

static const struct rule *find_rule(struct str name)
{
	/* lengths[n] is the first rule whose name has n bytes or more. */
	static const unsigned char lengths[] = {0, 0, 0, 1, 1, 2, 3, 5, 7, 8, 10, 13, 13, 13, 15,
		18, 20, 23, 25, 29, 30, 30, 30, 30, 30, 30, 31};

	if (name.len + 1 >= ARRAY_SIZE(lengths))
		return NULL;
	for (size_t i = lengths[name.len]; i < lengths[name.len + 1]; i++)
		if (is_alias(name, rules[i].name))
			return &rules[i];
	return NULL;
}

/* Fields that this message names in Connection, collected once; most messages have none. */
struct nominated {
	struct str names[16];
	size_t count;
};

static void collect_nominated(const struct http_head *head, struct nominated *ret)
{
	struct str part;

	ret->count = 0;
	for (size_t i = 0; i < head->field_count; i++) {
		if (!str_ieq(head->fields[i].name, STR("connection")))
			continue;
		struct str list = head->fields[i].value;
		while (str_split(&list, ',', &part) && ret->count < ARRAY_SIZE(ret->names)) {
			part = str_trim(part);
			if (part.len > 0 && !str_ieq(part, STR("close")) &&
				!str_ieq(part, STR("keep-alive")) && !str_ieq(part, STR("upgrade")))
				ret->names[ret->count++] = part;
		}
	}
}

static bool is_nominated(const struct nominated *n, struct str name)
{
	for (size_t i = 0; i < n->count; i++)
		if (str_ieq(n->names[i], name))
			return true;
	return false;
}

static bool keeps(const struct nominated *n, struct str name, bool is_request)
{
	const struct rule *r = find_rule(name);
	enum verdict v = !r ? KEEP : is_request ? r->request : r->response;

	return v == KEEP_ALWAYS || (v == KEEP && !is_nominated(n, name));
}

static int write_framing(struct buf *to, const struct http_head *request)
{
	if (request->framing == HTTP_BODY_LENGTH)
		return http_write_field_number(to, STR("Content-Length"), request->content_length);
	if (request->framing == HTTP_BODY_CHUNKED)
		return http_write_field(to, STR("Transfer-Encoding"), STR("chunked"));
	return 0;
}

/* What the app may believe about the client: nothing that the client said. */
static int write_forwarded(
	struct buf *to, const struct http_head *request, const struct policy_client *client)
{
	struct str address = str_from(client->address);
	struct str proto = client->secure ? STR("https") : STR("http");
	bool v6 = memchr(address.p, ':', address.len) != NULL;
	char forwarded[512];
	size_t n = 0;
	const struct str pieces[] = {STR("for="), v6 ? STR("\"[") : STR(""), address,
		v6 ? STR("]\"") : STR(""), STR(";proto="), proto, STR(";host=\""), request->host,
		STR("\"")};

	for (size_t i = 0; i < ARRAY_SIZE(pieces) && n + pieces[i].len <= sizeof forwarded; i++) {
		if (pieces[i].len > 0)
			memcpy(forwarded + n, pieces[i].p, pieces[i].len);
		n += pieces[i].len;
	}
	int r = http_write_field(to, STR("X-Forwarded-For"), address);
	r = r ? r : http_write_field(to, STR("X-Forwarded-Proto"), proto);
	r = r ? r : http_write_field(to, STR("X-Forwarded-Host"), request->host);
	r = r ? r : http_write_field(to, STR("X-Real-IP"), address);
	return r ? r : http_write_field(to, STR("Forwarded"), (struct str){forwarded, n});
}

static int write_upgrade(struct buf *to, const struct http_head *request)
{
	const struct http_field *f = http_find(request, "upgrade");
	int r = http_write_field(to, STR("Connection"), STR("Upgrade"));
	return r ? r : http_write_field(to, STR("Upgrade"), f->value);
}

static int write_request_line(struct buf *to, const struct http_head *request)
{
	char target[HTTP_TARGET_BYTES_MAX + 2];
	struct str path = request->path, query = request->query;

	if (request->target.p[0] == '/' || request->target.p[0] == '*')
		return http_write_request_line(to, request->method, request->target);
	/* The absolute form is for proxies: the app gets a path (RFC 9112 §3.2.1). */
	must(path.len + query.len + 1 < sizeof target);
	memcpy(target, path.p, path.len);
	size_t n = path.len;
	if (query.len > 0) {
		target[n++] = '?';
		memcpy(target + n, query.p, query.len);
		n += query.len;
	}
	return http_write_request_line(to, request->method, (struct str){target, n});
}

int policy_write_request(struct buf *to, const struct http_head *request,
	const struct policy_client *client, bool upgrade)
{
	struct nominated nominated;

	collect_nominated(request, &nominated);
	int r = write_request_line(to, request);
	r = r ? r : http_write_field(to, STR("Host"), request->host);
	for (size_t i = 0; !r && i < request->field_count; i++) {
		const struct http_field *f = &request->fields[i];
		if (keeps(&nominated, f->name, true))
			r = http_write_field(to, f->name, f->value);
	}
	r = r ? r : write_framing(to, request);
	r = r ? r : write_forwarded(to, request, client);
	if (upgrade)
		r = r ? r : write_upgrade(to, request);
	return r ? r : http_write_end(to);
}

bool policy_allows_upgrade(const struct http_head *request)
{
	return request->upgrade && request->framing == HTTP_BODY_NONE &&
	       str_eq(request->method, STR("GET")) && !http_has_token(request, "upgrade", "h2c") &&
	       !http_has_token(request, "upgrade", "h2");
}

bool policy_is_replayable(const struct http_head *request)
{
	static const struct str methods[] = {
		{"GET", 3}, {"HEAD", 4}, {"OPTIONS", 7}, {"DELETE", 6}, {"PUT", 3}};

	if (request->framing == HTTP_BODY_CHUNKED ||
		(request->framing == HTTP_BODY_LENGTH && request->content_length > 0))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (str_eq(request->method, methods[i]))
			return true;
	return false;
}

void policy_filter_response(struct http_head *response, bool upgrade)
{
	struct nominated nominated;
	size_t kept = 0;

	collect_nominated(response, &nominated);
	for (size_t i = 0; i < response->field_count; i++) {
		struct str name = response->fields[i].name;
		bool wanted = upgrade &&
			      (str_ieq(name, STR("upgrade")) || str_ieq(name, STR("connection")));
		if (wanted || keeps(&nominated, name, false))
			response->fields[kept++] = response->fields[i];
	}
	response->field_count = kept;
}
