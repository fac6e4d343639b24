/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON form of the route table, both ways. Strict: an unknown key, a wrong type or a duplicate
 * is an error that names where it stands; a value that is left out has its zero meaning.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "lib/ipc/routes.h"

/* One object of the document: where it stands, for errors, and where its strings go. */
struct reader {
	struct arena *arena;
	struct err *err;
	const char *where; /* "sites[3]", empty at the top */
	json_t *object;
};

static int complain(const struct reader *r, const char *key, const char *words)
{
	return err_set(r->err, EINVAL, "%s%s%s: %s", r->where, *r->where ? "." : "", key, words);
}

static int check_keys(const struct reader *r, const char *const *known, size_t n)
{
	const char *key;
	json_t *value;

	if (!json_is_object(r->object))
		return err_set(r->err, EINVAL, "%s: must be an object",
			*r->where ? r->where : "the route table");
	json_object_foreach (r->object, key, value) {
		size_t i = 0;
		while (i < n && !streq(known[i], key))
			i++;
		if (i < n)
			continue;
		const char *near = str_nearest(key, known, n);
		return err_set(r->err, EINVAL, "%s%sunknown key '%.60s'%s%s%s", r->where,
			*r->where ? ": " : "", key, near ? "; did you mean '" : "",
			near ? near : "", near ? "'?" : "");
	}
	return 0;
}

static int dup_string(const struct reader *r, const char *key, json_t *v, const char **ret)
{
	if (!json_is_string(v))
		return complain(r, key, "must be a string");
	struct str s = {json_string_value(v), json_string_length(v)};
	if (memchr(s.p, '\0', s.len))
		return complain(r, key, "must not contain NUL");
	*ret = arena_dup(r->arena, s);
	return *ret ? 0 : complain(r, key, "the table is too large");
}

static int get_string(const struct reader *r, const char *key, const char **ret)
{
	json_t *v = json_object_get(r->object, key);

	*ret = NULL;
	return v && !json_is_null(v) ? dup_string(r, key, v, ret) : 0;
}

static int get_number(const struct reader *r, const char *key, uint64_t max, uint64_t *ret)
{
	json_t *v = json_object_get(r->object, key);

	*ret = 0;
	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
		(uint64_t)json_integer_value(v) > max)
		return complain(r, key, "must be a whole number, not negative and not that large");
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int get_bool(const struct reader *r, const char *key, bool *ret)
{
	json_t *v = json_object_get(r->object, key);

	if (v && !json_is_boolean(v))
		return complain(r, key, "must be true or false");
	*ret = json_is_true(v);
	return 0;
}

/* An array of strings; absent is empty. */
static int get_strings(const struct reader *r, const char *key, const char ***ret, size_t *ret_n)
{
	json_t *list = json_object_get(r->object, key);

	if (list && !json_is_array(list))
		return complain(r, key, "must be an array of strings");
	size_t n = json_array_size(list);
	*ret = arena_alloc(r->arena, n * sizeof **ret);
	if (!*ret)
		return complain(r, key, "the table is too large");
	for (size_t i = 0; i < n; i++)
		if (dup_string(r, key, json_array_get(list, i), &(*ret)[i]) < 0)
			return -EINVAL;
	*ret_n = n;
	return 0;
}

typedef int read_fn(const struct reader *r, void *element);

/* An array of objects of one kind, each read with `read` into an element of an arena array. */
struct array {
	const char *key;
	size_t element_size;
	read_fn *read;
};

static int get_array(
	const struct reader *r, const struct array *a, void **ret_elements, size_t *ret_n)
{
	json_t *list = json_object_get(r->object, a->key);
	char where[160];

	if (list && !json_is_array(list))
		return complain(r, a->key, "must be an array");
	size_t n = json_array_size(list);
	char *elements = arena_alloc(r->arena, n * a->element_size);
	if (!elements)
		return complain(r, a->key, "the table is too large");
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(where, sizeof where, "%s%s%s[%zu]", r->where, *r->where ? "." : "",
			a->key, i);
		struct reader inner = *r;
		inner.where = where;
		inner.object = json_array_get(list, i);
		if (a->read(&inner, elements + i * a->element_size) < 0)
			return -EINVAL;
	}
	*ret_elements = elements;
	*ret_n = n;
	return 0;
}

static int read_route(const struct reader *r, void *element)
{
	static const char *const known[] = {
		"prefix", "upstream", "root", "fallback", "strip_prefix", "redirect"};
	struct route *to = element;

	if (check_keys(r, known, ARRAY_SIZE(known)) < 0 ||
		get_string(r, "prefix", &to->prefix) < 0 ||
		get_string(r, "upstream", &to->upstream) < 0 ||
		get_string(r, "root", &to->root) < 0 ||
		get_string(r, "fallback", &to->fallback) < 0 ||
		get_bool(r, "strip_prefix", &to->strip_prefix) < 0 ||
		get_string(r, "redirect", &to->redirect_host) < 0)
		return -EINVAL;
	if (!to->prefix)
		return complain(r, "prefix", "is missing");
	if (!!to->upstream + !!to->root + !!to->redirect_host != 1)
		return err_set(r->err, EINVAL,
			"%s: needs exactly one of 'upstream', 'root' and 'redirect'", r->where);
	if (!to->root && (to->fallback || to->strip_prefix))
		return err_set(
			r->err, EINVAL, "%s: 'fallback' and 'strip_prefix' need 'root'", r->where);
	to->kind = to->upstream ? ROUTE_UPSTREAM : to->root ? ROUTE_STATIC : ROUTE_REDIRECT;
	return 0;
}

static int read_site(const struct reader *r, void *element)
{
	static const char *const known[] = {"app", "release", "hosts", "routes", "https_only",
		"certificate", "body_max", "timeout_ms"};
	static const struct array routes = {"routes", sizeof(struct route), read_route};
	struct site *to = element;
	uint64_t release;
	void *elements = NULL;

	if (check_keys(r, known, ARRAY_SIZE(known)) < 0 || get_string(r, "app", &to->app) < 0 ||
		get_number(r, "release", UINT32_MAX, &release) < 0 ||
		get_strings(r, "hosts", &to->hosts, &to->host_count) < 0 ||
		get_array(r, &routes, &elements, &to->route_count) < 0 ||
		get_bool(r, "https_only", &to->https_only) < 0 ||
		get_string(r, "certificate", &to->certificate) < 0 ||
		get_number(r, "body_max", INT64_MAX, &to->body_max) < 0 ||
		get_number(r, "timeout_ms", UINT32_MAX, &to->timeout_ms) < 0)
		return -EINVAL;
	to->release = (unsigned)release;
	to->routes = elements;
	return 0;
}

static int read_upstream(const struct reader *r, void *element)
{
	static const char *const known[] = {"name", "addresses"};
	struct upstream *to = element;

	if (check_keys(r, known, ARRAY_SIZE(known)) < 0 || get_string(r, "name", &to->name) < 0)
		return -EINVAL;
	return get_strings(r, "addresses", &to->addresses, &to->address_count);
}

static int read_certificate(const struct reader *r, void *element)
{
	static const char *const known[] = {"name", "chain", "key"};
	struct certificate *to = element;

	if (check_keys(r, known, ARRAY_SIZE(known)) < 0 || get_string(r, "name", &to->name) < 0 ||
		get_string(r, "chain", &to->chain_path) < 0)
		return -EINVAL;
	return get_string(r, "key", &to->key_path);
}

static int read_challenge(const struct reader *r, void *element)
{
	static const char *const known[] = {"host", "token", "key_authorization"};
	struct challenge *to = element;

	if (check_keys(r, known, ARRAY_SIZE(known)) < 0 || get_string(r, "host", &to->host) < 0 ||
		get_string(r, "token", &to->token) < 0)
		return -EINVAL;
	return get_string(r, "key_authorization", &to->key_authorization);
}

static int read_routes(const struct reader *r, struct routes *to)
{
	static const char *const known[] = {"version", "sites", "upstreams", "certificates",
		"default_certificate", "challenges"};
	static const struct array sites = {"sites", sizeof(struct site), read_site};
	static const struct array upstreams = {"upstreams", sizeof(struct upstream), read_upstream};
	static const struct array certificates = {
		"certificates", sizeof(struct certificate), read_certificate};
	static const struct array challenges = {
		"challenges", sizeof(struct challenge), read_challenge};
	void *elements = NULL;

	if (check_keys(r, known, ARRAY_SIZE(known)) < 0 ||
		get_number(r, "version", INT64_MAX, &to->version) < 0 ||
		get_string(r, "default_certificate", &to->default_certificate) < 0 ||
		get_array(r, &sites, &elements, &to->site_count) < 0)
		return -EINVAL;
	to->sites = elements;
	if (get_array(r, &upstreams, &elements, &to->upstream_count) < 0)
		return -EINVAL;
	to->upstreams = elements;
	if (get_array(r, &certificates, &elements, &to->certificate_count) < 0)
		return -EINVAL;
	to->certificates = elements;
	if (get_array(r, &challenges, &elements, &to->challenge_count) < 0)
		return -EINVAL;
	to->challenges = elements;
	return 0;
}

static void routes_unrefp(struct routes **r)
{
	routes_unref(*r);
}

int routes_parse(const char *text, size_t len, struct routes **ret, struct err *err)
{
	json_error_t bad;
	struct err own;

	if (!err)
		err = &own;
	if (len > ROUTES_BYTES_MAX)
		return err_set(
			err, EFBIG, "the route table is longer than %u bytes", ROUTES_BYTES_MAX);
	_cleanup_(json_decrefp) json_t *top = json_loadb(text, len, JSON_REJECT_DUPLICATES, &bad);
	if (!top)
		return err_set(
			err, EINVAL, "line %d, column %d: %s", bad.line, bad.column, bad.text);
	return routes_from_json(top, ret, err);
}

int routes_from_json(const json_t *top, struct routes **ret, struct err *err)
{
	_cleanup_(routes_unrefp) struct routes *r = routes_new();
	struct reader reader = {&r->arena, err, "", (json_t *)(uintptr_t)top};

	if (read_routes(&reader, r) < 0 || routes_check(r, err) < 0)
		return -EINVAL;
	*ret = take_ptr(r);
	return 0;
}

static void set_text(json_t *to, const char *key, const char *value)
{
	if (value)
		must(json_object_set_new(to, key, json_string(value)) == 0);
}

static void set_number(json_t *to, const char *key, uint64_t value)
{
	if (value)
		must(json_object_set_new(to, key, json_integer((json_int_t)value)) == 0);
}

static void set_true(json_t *to, const char *key, bool value)
{
	if (value)
		must(json_object_set_new(to, key, json_true()) == 0);
}

static void set_texts(json_t *to, const char *key, const char **values, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		must(json_array_append_new(list, json_string(values[i])) == 0);
	must(json_object_set_new(to, key, list) == 0);
}

static json_t *format_route(const struct route *r)
{
	json_t *o = json_object();

	set_text(o, "prefix", r->prefix);
	set_text(o, "upstream", r->kind == ROUTE_UPSTREAM ? r->upstream : NULL);
	if (r->kind == ROUTE_STATIC) {
		set_text(o, "root", r->root);
		set_text(o, "fallback", r->fallback);
		set_true(o, "strip_prefix", r->strip_prefix);
	}
	set_text(o, "redirect", r->kind == ROUTE_REDIRECT ? r->redirect_host : NULL);
	return o;
}

static json_t *format_site(const struct site *s)
{
	json_t *o = json_object(), *routes = json_array();

	set_text(o, "app", s->app);
	set_number(o, "release", s->release);
	set_texts(o, "hosts", s->hosts, s->host_count);
	for (size_t i = 0; i < s->route_count; i++)
		must(json_array_append_new(routes, format_route(&s->routes[i])) == 0);
	must(json_object_set_new(o, "routes", routes) == 0);
	set_true(o, "https_only", s->https_only);
	set_text(o, "certificate", s->certificate);
	set_number(o, "body_max", s->body_max);
	set_number(o, "timeout_ms", s->timeout_ms);
	return o;
}

static json_t *format_challenge(const struct challenge *c)
{
	json_t *o = json_object();

	set_text(o, "host", c->host);
	set_text(o, "token", c->token);
	set_text(o, "key_authorization", c->key_authorization);
	return o;
}

json_t *routes_to_json(const struct routes *r)
{
	json_t *top = json_object(), *sites = json_array(), *upstreams = json_array(),
	       *certificates = json_array();

	must(json_object_set_new(top, "version", json_integer((json_int_t)r->version)) == 0);
	for (size_t i = 0; i < r->site_count; i++)
		must(json_array_append_new(sites, format_site(&r->sites[i])) == 0);
	for (size_t i = 0; i < r->upstream_count; i++) {
		json_t *o = json_object();
		set_text(o, "name", r->upstreams[i].name);
		set_texts(o, "addresses", r->upstreams[i].addresses, r->upstreams[i].address_count);
		must(json_array_append_new(upstreams, o) == 0);
	}
	for (size_t i = 0; i < r->certificate_count; i++) {
		json_t *o = json_object();
		set_text(o, "name", r->certificates[i].name);
		set_text(o, "chain", r->certificates[i].chain_path);
		set_text(o, "key", r->certificates[i].key_path);
		must(json_array_append_new(certificates, o) == 0);
	}
	must(json_object_set_new(top, "sites", sites) == 0);
	must(json_object_set_new(top, "upstreams", upstreams) == 0);
	must(json_object_set_new(top, "certificates", certificates) == 0);
	set_text(top, "default_certificate", r->default_certificate);
	for (size_t i = 0; i < r->challenge_count; i++) {
		if (i == 0)
			must(json_object_set_new(top, "challenges", json_array()) == 0);
		must(json_array_append_new(json_object_get(top, "challenges"),
			     format_challenge(&r->challenges[i])) == 0);
	}
	return top;
}

char *routes_format(const struct routes *r)
{
	_cleanup_(json_decrefp) json_t *top = routes_to_json(r);
	_cleanup_free_ char *text = json_dumps(top, JSON_INDENT(1));

	must(text);
	return xasprintf("%s\n", text);
}
