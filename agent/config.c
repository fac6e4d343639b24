/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of keys. Defaults are written as a person would write them, and go through the same
 * parser as the file.
 */
#include "agent/config.h"

#include <errno.h>

#include "lib/base/ident.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/data/json.h"
#include "lib/sys/file.h"

#define CONFIG_BYTES_MAX (256u << 10)

struct config_key {
	const char *key;
	enum json_want want;
	uint64_t min, max;
	size_t offset; /* in struct agent_config */
	const char *otherwise; /* the default, as in the file; NULL: none */
	const char *help;
};

#define AT(member) offsetof(struct agent_config, member)
#define MB (1ull << 20)
#define DAY_MS (24ull * 3600 * 1000)

static const struct config_key keys[] = {
	{"domain", JSON_TEXT, 1, IDENT_DOMAIN_MAX, AT(domain), "localhost",
		"apps are reached as <app>.<domain>; point *.<domain> to this host"},
	{"admin_host", JSON_TEXT, 0, IDENT_DOMAIN_MAX, AT(admin_host), NULL,
		"the API is reached under this name (berth.<domain> unless it is said), with a token; "
		"\"\" keeps it on the host"},
	{"http_port", JSON_UNSIGNED, 1, 65535, AT(http_port), "80",
		"the proxy's port for plain HTTP"},
	{"https_port", JSON_UNSIGNED, 1, 65535, AT(https_port), "443",
		"the proxy's port for HTTPS"},
	{"build_memory", JSON_BYTES, 64 * MB, 1024 * 1024 * MB, AT(build_memory), "1G",
		"what one build may use"},
	{"build_timeout", JSON_MILLISECONDS, 1000, DAY_MS, AT(build_timeout_ms), "15m",
		"how long a build may take"},
	{"release_timeout", JSON_MILLISECONDS, 1000, DAY_MS, AT(release_timeout_ms), "10m",
		"how long a release command (a migration) may take"},
	{"build_env", JSON_MAP, 0, 0, AT(build_env), NULL,
		"variables that every build gets, such as PIP_INDEX_URL"},
	{"releases_kept", JSON_UNSIGNED, 1, 100, AT(releases_kept), "5",
		"releases kept beside the live one, to roll back to"},
	{"port_min", JSON_UNSIGNED, 1024, 65535, AT(port_min), "20000",
		"first of the loopback ports for apps that take no socket"},
	{"port_max", JSON_UNSIGNED, 1024, 65535, AT(port_max), "29999", "last of them"},
	{"drain", JSON_MILLISECONDS, 0, DAY_MS, AT(drain_ms), "30s",
		"how long requests in flight may stay with the release that was replaced"},
	{"guard", JSON_MILLISECONDS, 0, DAY_MS, AT(guard_ms), "10s",
		"how long a new release is watched, and replaced by the old one when it fails"},
	{"admin_group", JSON_TEXT, 1, 32, AT(admin_group), "berth",
		"members of this group may use the agent's socket"},
	{"proxy_group", JSON_TEXT, 1, 32, AT(proxy_group), "berth-proxy",
		"the proxy's group: may read certificates and reach the API"},
	{"state_dir", JSON_TEXT, 1, 100, AT(state_dir), "/var/lib/berth", "what must last"},
	{"run_dir", JSON_TEXT, 1, 40, AT(run_dir), "/run/berth", "sockets"},
	{"programs", JSON_TEXT, 1, 200, AT(programs), "/usr/lib/berth",
		"folder of berth-git, berth-build and berth-launch"},
};

/* Below "acme:". */
static const struct config_key acme_keys[] = {
	{"directory", JSON_TEXT, 9, 2048, AT(acme.directory), NULL,
		"the CA, such as https://acme-v02.api.letsencrypt.org/directory"},
	{"agree_terms", JSON_FLAG, 0, 0, AT(acme.agree_terms), NULL,
		"true: you have read the CA's terms and agree to them"},
	{"email", JSON_TEXT, 3, 254, AT(acme.email), NULL, "where the CA may write to"},
	{"eab_kid", JSON_TEXT, 1, 1024, AT(acme.eab_kid), NULL,
		"external account, for CAs that want one: its key identifier"},
	{"eab_key_file", JSON_TEXT, 1, 4096, AT(acme.eab_key_file), NULL,
		"and the file with its HMAC key (base64url), readable for the agent only"},
	{"ca_file", JSON_TEXT, 1, 4096, AT(acme.ca_file), NULL,
		"PEM file: whom to trust when speaking with the CA, instead of the host's list"},
};

static const char acme_help[] =
	"certificates for the apps' public domains by ACME (RFC 8555); without it, and for all other "
	"names, from the local CA";

static void fill_members(struct agent_config *c, const struct config_key *from, size_t n,
	struct json_member *members)
{
	for (size_t i = 0; i < n; i++)
		members[i] = (struct json_member){.key = from[i].key,
			.want = from[i].want,
			.min = from[i].min,
			.max = from[i].max,
			.to = (char *)c + from[i].offset};
}

#define MEMBERS (ARRAY_SIZE(keys) + 1)

/* The keys, and "acme" in *acme. */
static void make_members(struct agent_config *c, json_t **acme, struct json_member members[MEMBERS])
{
	fill_members(c, keys, ARRAY_SIZE(keys), members);
	members[MEMBERS - 1] = (struct json_member){.key = "acme", .want = JSON_MAP, .to = acme};
}

static json_t *default_value(const struct config_key *k)
{
	uint64_t n;

	if (k->want != JSON_UNSIGNED)
		return json_string(k->otherwise);
	must(parse_u64(str_from(k->otherwise), 0, INT64_MAX, &n) == 0);
	return json_integer((json_int_t)n);
}

/* Its default follows the domain: a wildcard that covers the apps covers it. */
static void set_admin_host(struct agent_config *c)
{
	if (c->admin_host && c->admin_host != c->default_admin_host)
		return;
	free(c->default_admin_host);
	c->default_admin_host = xasprintf("berth.%s", c->domain);
	c->admin_host = c->default_admin_host;
}

void config_init(struct agent_config *c)
{
	struct json_member members[MEMBERS];
	json_t *acme = NULL;
	struct err err;

	*c = (struct agent_config){.defaults = json_object()};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].otherwise)
			must(json_object_set_new(
				     c->defaults, keys[i].key, default_value(&keys[i])) == 0);
	make_members(c, &acme, members);
	must(json_members(c->defaults, members, ARRAY_SIZE(members), NULL, "", &err) == 0);
	set_admin_host(c);
}

static int check_build_env(const struct agent_config *c, struct err *err)
{
	const char *name;
	json_t *value;

	json_object_foreach (c->build_env, name, value) {
		_cleanup_free_ char *path = json_path("build_env", name);
		struct err inner;
		if (!json_is_string(value))
			return yaml_doc_error(c->file, path, err, "must be a text (in quotes)");
		if (ident_check_env(name, &inner) < 0)
			return yaml_doc_error(c->file, path, err, "%s", inner.msg);
	}
	return 0;
}

static int check_host(
	const struct agent_config *c, const char *key, const char *host, struct err *err)
{
	struct err inner;
	if (ident_check_domain(host, false, &inner) < 0)
		return yaml_doc_error(c->file, key, err, "%s", inner.msg);
	return 0;
}

static int check_path(
	const struct agent_config *c, const char *key, const char *path, struct err *err)
{
	if (path[0] != '/')
		return yaml_doc_error(c->file, key, err, "must be an absolute path");
	return 0;
}

/* What no key says alone. */
static int check_meaning(struct agent_config *c, struct err *err)
{
	int r = check_host(c, "domain", c->domain, err);

	set_admin_host(c);
	if (c->admin_host && c->admin_host[0] == '\0')
		c->admin_host = NULL;
	if (r == 0 && c->admin_host)
		r = check_host(c, "admin_host", c->admin_host, err);
	if (r == 0 && c->http_port == c->https_port)
		r = yaml_doc_error(c->file, "http_port", err,
			"must not be the same as https_port (%llu)",
			(unsigned long long)c->https_port);
	if (r == 0 && c->port_max < c->port_min + 99)
		r = yaml_doc_error(c->file, "port_max", err,
			"must be at least 99 above port_min (%llu): apps need ports to swap",
			(unsigned long long)c->port_min);
	if (r == 0)
		r = check_path(c, "state_dir", c->state_dir, err);
	if (r == 0)
		r = check_path(c, "run_dir", c->run_dir, err);
	if (r == 0)
		r = check_path(c, "programs", c->programs, err);
	return r < 0 ? r : check_build_env(c, err);
}

static int read_acme(struct agent_config *c, const json_t *acme, struct err *err)
{
	struct json_member members[ARRAY_SIZE(acme_keys)];

	fill_members(c, acme_keys, ARRAY_SIZE(acme_keys), members);
	int r = json_members(acme, members, ARRAY_SIZE(members), c->file, "acme", err);
	if (r < 0)
		return r;
	if (!c->acme.directory)
		return yaml_doc_error(
			c->file, "acme", err, "needs a directory: %s", acme_keys[0].help);
	if (!has_prefix(c->acme.directory, "https://"))
		return yaml_doc_error(c->file, "acme.directory", err, "must be an https address");
	if (c->acme.email && (!strchr(c->acme.email, '@') || strpbrk(c->acme.email, " <>,?")))
		return yaml_doc_error(c->file, "acme.email", err, "must be a mail address");
	if (!c->acme.eab_kid != !c->acme.eab_key_file)
		return yaml_doc_error(
			c->file, "acme", err, "eab_kid and eab_key_file need each other");
	if (c->acme.eab_key_file)
		r = check_path(c, "acme.eab_key_file", c->acme.eab_key_file, err);
	if (r == 0 && c->acme.ca_file)
		r = check_path(c, "acme.ca_file", c->acme.ca_file, err);
	return r;
}

int config_load(const char *path, struct agent_config *ret, struct err *err)
{
	struct json_member members[MEMBERS];
	json_t *acme = NULL;
	_cleanup_free_ char *text = NULL;
	struct agent_config c;
	size_t len;

	int r = file_read(path, CONFIG_BYTES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	config_init(&c);
	make_members(&c, &acme, members);
	r = yaml_doc_parse(path, text, len, &c.file, err);
	if (r == 0 && !json_is_null(c.file->root)) {
		if (!json_is_object(c.file->root))
			r = err_set(err, EINVAL, "%s: must be keys and values, such as domain: %s",
				path, "example.com");
		else
			r = json_members(
				c.file->root, members, ARRAY_SIZE(members), c.file, "", err);
	}
	if (r == 0 && acme)
		r = read_acme(&c, acme, err);
	if (r == 0)
		r = check_meaning(&c, err);
	if (r < 0) {
		config_release(&c);
		return r;
	}
	*ret = c;
	return 0;
}

void config_release(struct agent_config *c)
{
	json_decref(c->defaults);
	yaml_doc_free(c->file);
	free(c->default_admin_host);
	*c = (struct agent_config){0};
}

static void show_value(const struct agent_config *c, const struct config_key *k, FILE *to)
{
	const char *at = (const char *)c + k->offset;
	const json_t *set = c->file ? json_object_get(c->file->root, k->key) : NULL;
	const char *text = set ? json_string_value(set) : k->otherwise;

	if (k->want == JSON_TEXT) {
		memcpy(&text, at, sizeof text);
		if (!text)
			text = "";
	}
	if (k->want == JSON_UNSIGNED) {
		uint64_t n;
		memcpy(&n, at, sizeof n);
		(void)fprintf(to, "%s: %llu\n", k->key, (unsigned long long)n);
	} else if (k->want == JSON_MAP) {
		/* Values may be passwords of an index: only the names are shown. */
		const char *name;
		json_t *value;
		(void)fprintf(to, "%s:%s\n", k->key, json_object_size(set) ? "" : " {}");
		json_object_foreach ((json_t *)(uintptr_t)set, name, value)
			(void)fprintf(to, "  %s: \"...\"\n", name);
	} else if (set && !text) {
		(void)fprintf(to, "%s: %lld\n", k->key, (long long)json_integer_value(set));
	} else {
		(void)fprintf(to, "%s: %s\n", k->key, text[0] ? text : "\"\"");
	}
}

/* What is not said stands there as a comment. */
static void show_acme(const struct agent_config *c, FILE *to)
{
	(void)fprintf(to, "# %s\nacme:\n", acme_help);
	for (size_t i = 0; i < ARRAY_SIZE(acme_keys); i++) {
		const struct config_key *k = &acme_keys[i];
		const char *text = c->acme.agree_terms ? "true" : NULL;
		if (k->want == JSON_TEXT)
			memcpy(&text, (const char *)c + k->offset, sizeof text);
		(void)fprintf(to, "  # %s\n  %s%s:%s%s\n", k->help, text ? "" : "# ", k->key,
			text ? " " : "", text ? text : "");
	}
}

void config_show(const struct agent_config *c, FILE *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		(void)fprintf(to, "# %s\n", keys[i].help);
		show_value(c, &keys[i], to);
	}
	show_acme(c, to);
}
