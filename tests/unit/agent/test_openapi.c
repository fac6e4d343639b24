/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/openapi.yaml against the table of endpoints, in both directions: every endpoint is described
 * with its path parameters and its query, and nothing else is described.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "agent/api/endpoints.h"
#include "lib/data/yaml.h"
#include "lib/sys/file.h"

#define DOCUMENT BERTH_SOURCE_DIR "/docs/openapi.yaml"

static struct yaml *document;

static int set_up(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct err err = {0};
	size_t len = 0;

	(void)state;
	if (file_read(DOCUMENT, 1 << 20, &text, &len, &err) < 0 ||
		yaml_doc_parse("openapi.yaml", text, len, &document, &err) < 0)
		fail_msg("%s", err.msg);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	yaml_doc_free(document);
	return 0;
}

static json_t *paths(void)
{
	json_t *o = json_object_get(document->root, "paths");
	assert_true(json_is_object(o));
	return o;
}

static char *lower(const char *method)
{
	char *s = xstrdup(method);
	for (char *p = s; *p; p++)
		*p = (char)(*p - 'A' + 'a');
	return s;
}

static json_t *find_operation(const struct endpoint *e)
{
	_cleanup_free_ char *method = lower(e->method);
	return json_object_get(json_object_get(paths(), e->pattern), method);
}

/* A parameter, itself or what it refers to. */
static const char *parameter_name(const json_t *parameter)
{
	const char *ref = json_string_value(json_object_get(parameter, "$ref"));
	return ref ? strrchr(ref, '/') + 1 : json_string_value(json_object_get(parameter, "name"));
}

static bool has_parameter(const json_t *list, const char *name)
{
	const json_t *parameter;
	size_t i;

	json_array_foreach (list, i, parameter)
		if (streq(parameter_name(parameter), name))
			return true;
	return false;
}

static void test_every_endpoint_is_described(void **state)
{
	(void)state;
	for (size_t i = 0; i < endpoint_count; i++) {
		const struct endpoint *e = &endpoints[i];
		const json_t *operation = find_operation(e);
		if (!operation)
			fail_msg("%s %s is not described", e->method, e->pattern);
		if (!json_object_get(operation, "summary"))
			fail_msg("%s %s has no summary", e->method, e->pattern);
		bool takes_body = e->body != BODY_NONE;
		if (takes_body != (json_object_get(operation, "requestBody") != NULL))
			fail_msg("%s %s: requestBody", e->method, e->pattern);
	}
}

static void test_nothing_else_is_described(void **state)
{
	static const char *const methods[] = {
		"get", "put", "post", "delete", "patch", "head", "options", "trace"};
	const char *path;
	json_t *item;
	size_t described = 0;

	(void)state;
	json_object_foreach (paths(), path, item)
		for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
			described += json_object_get(item, methods[i]) != NULL;
	assert_int_equal(described, endpoint_count);
}

static void test_queries_are_those_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < endpoint_count; i++) {
		const json_t *list = json_object_get(find_operation(&endpoints[i]), "parameters");
		struct str rest = str_from(endpoints[i].query), one;
		size_t n = 0;
		while (str_split(&rest, ',', &one)) {
			_cleanup_free_ char *name = str_dup(one);
			if (!has_parameter(list, name))
				fail_msg("%s: %s", endpoints[i].pattern, name);
			n++;
		}
		if (json_array_size(list) != n)
			fail_msg("%s: described parameters that are not there",
				endpoints[i].pattern);
	}
}

static void test_path_parameters_are_those_of_the_pattern(void **state)
{
	const char *path;
	json_t *item;

	(void)state;
	json_object_foreach (paths(), path, item) {
		const json_t *list = json_object_get(item, "parameters");
		size_t n = 0;
		for (const char *p = strchr(path, '{'); p; p = strchr(p + 1, '{'), n++) {
			_cleanup_free_ char *name = xstrndup(p + 1, strcspn(p + 1, "}"));
			if (!has_parameter(list, name))
				fail_msg("%s: %s", path, name);
		}
		assert_int_equal(json_array_size(list), n);
	}
}

/* Every "#/a/b/c" leads somewhere. */
static void check_references(const json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	const char *ref = json_string_value(json_object_get(value, "$ref"));
	if (ref) {
		const json_t *at = document->root;
		struct str rest = str_from(ref + 2), part;
		while (at && str_split(&rest, '/', &part)) {
			_cleanup_free_ char *name = str_dup(part);
			at = json_object_get(at, name);
		}
		if (!at)
			fail_msg("%s leads nowhere", ref);
	}
	json_object_foreach ((json_t *)(uintptr_t)value, key, member)
		check_references(member);
	json_array_foreach (value, i, member)
		check_references(member);
}

static void test_references_lead_somewhere(void **state)
{
	(void)state;
	check_references(document->root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_endpoint_is_described),
		cmocka_unit_test(test_nothing_else_is_described),
		cmocka_unit_test(test_queries_are_those_of_the_table),
		cmocka_unit_test(test_path_parameters_are_those_of_the_pattern),
		cmocka_unit_test(test_references_lead_somewhere),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
