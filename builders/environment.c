/* SPDX-License-Identifier: Apache-2.0
 *
 * Environments, by allowlist.
 */
#include "builders/environment.h"

#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void set(struct envfile *e, const char *name, const char *value)
{
	/* The names are ours and the values came from an environment: only size could fail. */
	(void)envfile_set(e, name, value, NULL);
}

void environment_set_base(struct envfile *e)
{
	const char *path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe): one thread */
	const char *zone = getenv("TZ"); /* NOLINT(concurrency-mt-unsafe): one thread */

	set(e, "PATH", path && *path ? path : SYSTEM_PATH);
	set(e, "LANG", "C.UTF-8");
	if (zone)
		set(e, "TZ", zone);
}

/* Settings of package managers and of the way out; a sandbox is given them on purpose. */
static bool is_build_setting(struct str name)
{
	static const char *const exact[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
		"CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GOPROXY", "GONOSUMDB", "GONOSUMCHECK",
		"GOSUMDB", "GOPRIVATE", "GONOPROXY", "GOFLAGS", "GOTOOLCHAIN", "GOINSECURE"};
	static const char *const any_case[] = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"};

	if (str_starts(name, STR("PIP_")) || str_starts(name, STR("npm_config_")) ||
		str_starts(name, STR("NPM_CONFIG_")))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
		if (str_eq(name, str_from(exact[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(any_case); i++)
		if (str_ieq(name, str_from(any_case[i])))
			return true;
	return false;
}

static void set_from_sandbox(struct envfile *e)
{
	for (char **v = environ; v && *v; v++) {
		const char *equals = strchr(*v, '=');
		if (!equals || !is_build_setting((struct str){*v, (size_t)(equals - *v)}))
			continue;
		_cleanup_free_ char *name = xstrndup(*v, (size_t)(equals - *v));
		set(e, name, equals + 1);
	}
}

/* How each cache folder is made known to its tool. */
static void set_caches(struct envfile *e, const struct plan *p, const char *cache_dir)
{
	static const struct {
		const char *cache, *variable;
	} known[] = {
		{"pip", "PIP_CACHE_DIR"},
		{"npm", "npm_config_cache"},
		{"go-build", "GOCACHE"},
		{"go-mod", "GOMODCACHE"},
	};

	set(e, "HOME", cache_dir);
	set(e, "BERTH_CACHE", cache_dir);
	for (size_t i = 0; i < p->cache_count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			if (streq(p->caches[i], known[k].cache)) {
				_cleanup_free_ char *dir =
					xasprintf("%s/%s", cache_dir, known[k].cache);
				set(e, known[k].variable, dir);
			}
}

int environment_of_build(struct envfile *e, const struct plan *p, const char *cache_dir,
	const struct envfile *given, struct err *err)
{
	environment_set_base(e);
	set(e, "CI", "true");
	set_from_sandbox(e);
	set_caches(e, p, cache_dir);
	for (size_t i = 0; i < p->build_env_count; i++)
		if (envfile_set(e, p->build_env[i].name, p->build_env[i].value, err) < 0)
			return err_wrap(err, "build environment");
	for (size_t i = 0; given && i < given->count; i++)
		if (envfile_set(e, given->pairs[i].name, given->pairs[i].value, err) < 0)
			return err_wrap(err, "build environment");
	return 0;
}

int environment_add_programs(struct envfile *e, const char *app_dir, struct err *err)
{
	static const char *const folders[] = {"node_modules/.bin", ".venv/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		const char *path = envfile_get(e, "PATH");
		_cleanup_free_ char *longer = xasprintf(
			"%s/%s:%s", app_dir, folders[i], path && *path ? path : SYSTEM_PATH);
		int r = envfile_set(e, "PATH", longer, err);
		if (r < 0)
			return r;
	}
	return 0;
}

char **environment_array(const struct envfile *e)
{
	char **array = xcalloc(e->count + 1, sizeof *array);

	for (size_t i = 0; i < e->count; i++)
		array[i] = xasprintf("%s=%s", e->pairs[i].name, e->pairs[i].value);
	return array;
}

void environment_array_free(char **array)
{
	for (char **v = array; v && *v; v++)
		free(*v);
	free(array);
}
