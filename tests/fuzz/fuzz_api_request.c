/* SPDX-License-Identifier: Apache-2.0
 *
 * What the API reads of a request before a handler sees it: head, path, query, Authorization, JSON.
 * Input: a whole request. Beyond not crashing: what was accepted as a parameter is a valid name.
 */
#include <jansson.h>

#include "agent/api/target.h"
#include "agent/api/token.h"
#include "lib/data/json.h"
#include "lib/http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_target(const struct http_head *head)
{
	static const struct {
		const char *pattern, *query;
	} endpoints[] = {
		{"/v1/apps", ""},
		{"/v1/apps/{app}", "limit"},
		{"/v1/apps/{app}/deploys/{id}", "lines,follow,process"},
		{"/v1/apps/{app}/domains/{domain}", ""},
		{"/v1/tokens/{token}", ""},
		{"/git/{app}.git/info/refs", "service"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		struct target_params params = {0};
		struct target_query query;
		struct err err;
		unsigned n;
		if (!target_has_shape(endpoints[i].pattern, head->path) ||
			target_read_params(endpoints[i].pattern, head->path, &params, &err) < 0)
			continue;
		if (strstr(endpoints[i].pattern, "{app}"))
			must(ident_check_app(params.values[0], &err) == 0);
		if (strstr(endpoints[i].pattern, "{domain}"))
			must(ident_check_domain(params.values[1], true, &err) == 0);
		if (target_read_query(endpoints[i].query, head->query, &query, &err) == 0)
			(void)target_query_unsigned(&query, "lines", 100, 1, &n, &err);
	}
}

static void check_authorization(const struct http_head *head)
{
	const struct http_field *f = http_find(head, "authorization");
	char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];

	if (f && token_from_authorization(f->value, token) == 0) {
		must(strlen(token) == TOKEN_SIZE - 1);
		token_hash(str_from(token), hash);
	}
}

static void check_body(const char *text, size_t len)
{
	const char *name = NULL;
	json_t *source = NULL, *object = NULL;
	bool flag = false;
	const struct json_member members[] = {
		{.key = "commit", .want = JSON_TEXT, .required = true, .to = &name},
		{.key = "source", .want = JSON_MAP, .to = &source},
		{.key = "plan_only", .want = JSON_FLAG, .to = &flag},
	};
	struct err err;

	if (json_parse_object("the request body", text, len, &object, &err) == 0)
		(void)json_members(object, members, ARRAY_SIZE(members), NULL, "", &err);
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head head;
	const char *why;
	ssize_t n = http_parse_request((const char *)data, size, &head, &why);

	if (n <= 0)
		return 0;
	check_target(&head);
	check_authorization(&head);
	check_body((const char *)data + n, size - (size_t)n);
	return 0;
}
