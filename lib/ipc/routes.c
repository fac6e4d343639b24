/* SPDX-License-Identifier: Apache-2.0
 *
 * Route tables: life, and the rules that a whole table must keep. What is checked here the proxy
 * relies on without looking again.
 */
#include "lib/ipc/routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/un.h>

#include "lib/base/ident.h"
#include "lib/base/map.h"
#include "lib/base/parse.h"

/* The strings and arrays of a table are smaller than its JSON text, but for the pointers. */
#define ARENA_BYTES_MAX ((size_t)ROUTES_BYTES_MAX * 4)
#define PREFIX_BYTES_MAX 1024
#define TOKEN_BYTES_MAX 256
#define KEY_AUTHORIZATION_BYTES_MAX 512

struct routes *routes_new(void)
{
	struct routes *r = xnew(struct routes);
	arena_init(&r->arena, ARENA_BYTES_MAX);
	r->refs = 1;
	return r;
}

struct routes *routes_ref(struct routes *r)
{
	(void)__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);
	return r;
}

void routes_unref(struct routes *r)
{
	/* Release our writes, acquire everybody's before the memory goes. */
	if (!r || __atomic_fetch_sub(&r->refs, 1, __ATOMIC_ACQ_REL) > 1)
		return;
	arena_free(&r->arena);
	free(r);
}

/* The names a table may refer to, and the hosts seen so far. */
struct check {
	struct routes *routes;
	struct map upstreams, certificates, hosts;
	struct err *err;
};

static void check_release(struct check *c)
{
	map_free(&c->upstreams);
	map_free(&c->certificates);
	map_free(&c->hosts);
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static int check_absolute(struct check *c, const char *path, const char *what)
{
	if (!path || path[0] != '/' || !is_printable(path) || strlen(path) >= 4096)
		return err_set(c->err, EINVAL, "%s '%.80s' must be an absolute path", what,
			path ? path : "");
	return 0;
}

/* "tcp:127.0.0.1:20001" or "tcp:[::1]:20001": numeric, so that no worker waits for a resolver. */
static bool is_tcp_address(const char *text)
{
	char host[INET6_ADDRSTRLEN];
	unsigned char parsed[16];
	unsigned port;
	const char *colon = strrchr(text, ':');

	if (!colon || parse_unsigned(colon + 1, 1, UINT16_MAX, &port) < 0)
		return false;
	struct str name = {text, (size_t)(colon - text)};
	int family = AF_INET;
	if (name.len > 2 && name.p[0] == '[' && name.p[name.len - 1] == ']') {
		name = (struct str){name.p + 1, name.len - 2};
		family = AF_INET6;
	}
	return str_copy(host, sizeof host, name) == 0 && inet_pton(family, host, parsed) == 1;
}

static int check_address(struct check *c, const char *address)
{
	if (has_prefix(address, "unix:")) {
		const char *path = address + strlen("unix:");
		if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
			return err_set(c->err, EINVAL, "socket path %.120s is too long", path);
		return check_absolute(c, path, "socket path");
	}
	if (has_prefix(address, "tcp:") && is_tcp_address(address + strlen("tcp:")))
		return 0;
	return err_set(c->err, EINVAL,
		"address '%.80s' must be unix:/path, tcp:1.2.3.4:port or tcp:[::1]:port", address);
}

static int check_upstreams(struct check *c)
{
	for (size_t i = 0; i < c->routes->upstream_count; i++) {
		struct upstream *u = &c->routes->upstreams[i];
		if (!u->name || !*u->name || !is_printable(u->name))
			return err_set(c->err, EINVAL, "upstreams[%zu].name: must not be empty", i);
		if (map_set(&c->upstreams, str_from(u->name), u))
			return err_set(c->err, EINVAL, "upstreams[%zu].name: '%.80s' appears twice",
				i, u->name);
		for (size_t k = 0; k < u->address_count; k++)
			if (check_address(c, u->addresses[k]) < 0)
				return err_wrap(c->err, "upstreams[%zu].addresses[%zu]", i, k);
	}
	return 0;
}

static int check_certificates(struct check *c)
{
	for (size_t i = 0; i < c->routes->certificate_count; i++) {
		struct certificate *cert = &c->routes->certificates[i];
		if (!cert->name || !*cert->name || !is_printable(cert->name))
			return err_set(
				c->err, EINVAL, "certificates[%zu].name: must not be empty", i);
		if (map_set(&c->certificates, str_from(cert->name), cert))
			return err_set(c->err, EINVAL,
				"certificates[%zu].name: '%.80s' appears twice", i, cert->name);
		if (check_absolute(c, cert->chain_path, "chain") < 0 ||
			check_absolute(c, cert->key_path, "key") < 0)
			return err_wrap(c->err, "certificates[%zu]", i);
	}
	const char *fallback = c->routes->default_certificate;
	if (fallback && !map_get(&c->certificates, str_from(fallback)))
		return err_set(c->err, EINVAL,
			"default_certificate: no certificate is named '%.80s'", fallback);
	return 0;
}

/* "/" or "/a/b": no empty, "." or ".." segment, no slash at the end, nothing that is not a path. */
static bool is_prefix(const char *prefix)
{
	struct str rest = str_from(prefix), segment;

	if (streq(prefix, "/"))
		return true;
	if (rest.len < 2 || rest.len > PREFIX_BYTES_MAX || prefix[0] != '/' ||
		prefix[rest.len - 1] == '/' || strpbrk(prefix, "?# ") || !is_printable(prefix))
		return false;
	rest = (struct str){rest.p + 1, rest.len - 1};
	while (str_split(&rest, '/', &segment))
		if (segment.len == 0 || str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return false;
	return true;
}

static int check_prefix(struct check *c, const char *prefix)
{
	if (is_prefix(prefix))
		return 0;
	return err_set(c->err, EINVAL,
		"prefix '%.80s' must be '/' or start with '/' and not end with it, without empty, "
		"'.' or '..' segments",
		prefix ? prefix : "");
}

static int check_fallback(struct check *c, const char *fallback)
{
	struct str rest = str_from(fallback), segment;

	if (!fallback)
		return 0;
	bool ok = fallback[0] != '\0' && fallback[0] != '/' && is_printable(fallback);
	while (ok && str_split(&rest, '/', &segment))
		ok = segment.len > 0 && segment.p[0] != '.';
	if (!ok)
		return err_set(c->err, EINVAL,
			"fallback '%.80s' must be a file beneath root, like index.html", fallback);
	return 0;
}

static int check_route(struct check *c, const struct route *r)
{
	if (check_prefix(c, r->prefix) < 0)
		return -EINVAL;
	switch (r->kind) {
	case ROUTE_UPSTREAM:
		if (r->upstream && map_get(&c->upstreams, str_from(r->upstream)))
			return 0;
		return err_set(c->err, EINVAL, "no upstream is named '%.80s'",
			r->upstream ? r->upstream : "");
	case ROUTE_STATIC:
		if (check_absolute(c, r->root, "root") < 0)
			return -EINVAL;
		return check_fallback(c, r->fallback);
	case ROUTE_REDIRECT:
		if (!r->redirect_host)
			return err_set(c->err, EINVAL, "redirect needs a host");
		return ident_check_domain(r->redirect_host, false, c->err);
	}
	return err_set(c->err, EINVAL, "unknown kind of route");
}

static int by_longest_prefix(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	size_t m = strlen(x->prefix), n = strlen(y->prefix);

	if (m != n)
		return m > n ? -1 : 1;
	return strcmp(x->prefix, y->prefix);
}

static int check_hosts(struct check *c, struct site *s)
{
	if (s->host_count == 0)
		return err_set(c->err, EINVAL, "hosts: at least one is needed");
	for (size_t i = 0; i < s->host_count; i++) {
		if (ident_check_domain(s->hosts[i], true, c->err) < 0)
			return err_wrap(c->err, "hosts[%zu]", i);
		if (map_set(&c->hosts, str_from(s->hosts[i]), s))
			return err_set(c->err, EINVAL, "hosts[%zu]: '%s' belongs to another site",
				i, s->hosts[i]);
	}
	return 0;
}

static int check_site(struct check *c, struct site *s)
{
	if (!s->app)
		return err_set(c->err, EINVAL, "app is missing");
	if (*s->app && ident_check_app(s->app, c->err) < 0)
		return -EINVAL;
	if (check_hosts(c, s) < 0)
		return -EINVAL;
	if (s->certificate && !map_get(&c->certificates, str_from(s->certificate)))
		return err_set(c->err, EINVAL, "certificate: no certificate is named '%.80s'",
			s->certificate);
	if (s->route_count == 0)
		return err_set(c->err, EINVAL, "routes: at least one is needed");
	for (size_t i = 0; i < s->route_count; i++)
		if (check_route(c, &s->routes[i]) < 0)
			return err_wrap(c->err, "routes[%zu]", i);
	qsort(s->routes, s->route_count, sizeof *s->routes, by_longest_prefix);
	for (size_t i = 1; i < s->route_count; i++)
		if (streq(s->routes[i - 1].prefix, s->routes[i].prefix))
			return err_set(c->err, EINVAL, "routes: prefix '%s' appears twice",
				s->routes[i].prefix);
	return 0;
}

static int check_sites(struct check *c)
{
	for (size_t i = 0; i < c->routes->site_count; i++)
		if (check_site(c, &c->routes->sites[i]) < 0)
			return err_wrap(c->err, "sites[%zu]", i);
	return 0;
}

/* Base64url (RFC 8555 §8.3); `more` is allowed beside its letters. */
static bool is_token(const char *text, const char *more, size_t max)
{
	size_t n = text ? strlen(text) : 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '-' || c == '_' || strchr(more, c);
		if (!ok)
			return false;
	}
	return n > 0 && n <= max;
}

static int check_challenges(struct check *c)
{
	for (size_t i = 0; i < c->routes->challenge_count; i++) {
		const struct challenge *ch = &c->routes->challenges[i];
		if (ident_check_domain(ch->host ? ch->host : "", false, c->err) < 0)
			return err_wrap(c->err, "challenges[%zu].host", i);
		if (!is_token(ch->token, "", TOKEN_BYTES_MAX))
			return err_set(c->err, EINVAL,
				"challenges[%zu].token: must be a base64url text", i);
		if (!is_token(ch->key_authorization, ".", KEY_AUTHORIZATION_BYTES_MAX))
			return err_set(c->err, EINVAL,
				"challenges[%zu].key_authorization: must be a token, a dot and a "
				"thumbprint",
				i);
	}
	return 0;
}

int routes_check(struct routes *r, struct err *err)
{
	struct err own = {0};
	_cleanup_(check_release) struct check c = {.routes = r, .err = err ? err : &own};

	if (check_upstreams(&c) < 0 || check_certificates(&c) < 0 || check_sites(&c) < 0 ||
		check_challenges(&c) < 0)
		return -EINVAL;
	return 0;
}
