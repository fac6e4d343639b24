/* SPDX-License-Identifier: Apache-2.0
 *
 * Known hosts and the choice among them.
 */
#include "cli/hosts.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/sys/file.h"

#define HOSTS_BYTES_MAX (1u << 20)
#define CA_BYTES_MAX (1u << 20)

static char *config_dir(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	if (xdg && xdg[0] == '/')
		return xasprintf("%s/berth", xdg);
	return home && home[0] == '/' ? xasprintf("%s/.config/berth", home) : NULL;
}

char *hosts_path(void)
{
	_cleanup_free_ char *dir = config_dir();
	return dir ? xasprintf("%s/hosts.json", dir) : NULL;
}

void host_clear(struct host *h)
{
	free(h->unix_path);
	free(h->url);
	if (h->token)
		explicit_bzero(h->token, strlen(h->token));
	free(h->token);
	free(h->ca_file);
	*h = (struct host){0};
}

/* The file's object; an empty one when there is no file. */
static int load(json_t **ret, struct err *err)
{
	_cleanup_free_ char *path = hosts_path();
	_cleanup_free_ char *text = NULL;
	size_t len;
	json_error_t where;
	if (!path || !file_exists(path)) {
		*ret = json_object();
		return 0;
	}
	int r = file_read(path, HOSTS_BYTES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(err, EIO, "%s:%d: not the JSON object it should be", path,
			where.line > 0 ? where.line : 1);
	}
	*ret = j;
	return 0;
}

static char *text_member(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s && *s ? xstrdup(s) : NULL;
}

static char *from_environment(const char *name)
{
	const char *v = getenv(name);
	return v && *v ? xstrdup(v) : NULL;
}

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr(".-:[]", c));
}

int host_check_url(const char *typed, char **ret, struct err *err)
{
	static const char scheme[] = "https://";
	if (has_prefix(typed, "http://"))
		return err_set(err, EINVAL,
			"\"%s\" would send the token in clear text; use https://%s", typed,
			typed + strlen("http://"));
	const char *name = has_prefix(typed, scheme) ? typed + strlen(scheme) : typed;
	_cleanup_free_ char *host = xstrdup(name);
	for (char *p = host; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	size_t n = strlen(host);
	while (n > 0 && host[n - 1] == '/')
		host[--n] = 0;
	for (size_t i = 0; i < n; i++)
		if (!is_host_char(host[i]))
			return err_set(err, EINVAL,
				"\"%s\" is not a host; write https://NAME[:PORT], without a path",
				typed);
	if (n == 0)
		return err_set(err, EINVAL, "the host is empty; write https://NAME[:PORT]");
	*ret = xasprintf("%s%s", scheme, host);
	return 0;
}

/* A path: the socket itself, or the folder of a standalone agent, or its run folder. */
static int from_path(const char *path, struct host *h, struct err *err)
{
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		h->unix_path = xstrdup(path);
		return 0;
	}
	_cleanup_free_ char *standalone = xasprintf("%s/run/agent.sock", path);
	_cleanup_free_ char *direct = xasprintf("%s/agent.sock", path);
	if (file_exists(standalone))
		h->unix_path = take_ptr(standalone);
	else if (file_exists(direct))
		h->unix_path = take_ptr(direct);
	else
		return err_set(
			err, ECONNREFUSED, "no agent runs in %s: it has no run/agent.sock", path);
	return 0;
}

static int from_url(const char *url, const json_t *file, struct host *h, struct err *err)
{
	int r = host_check_url(url, &h->url, err);
	if (r < 0)
		return r;
	const json_t *entry = json_object_get(json_object_get(file, "hosts"), h->url);
	h->token = from_environment("BERTH_TOKEN");
	if (!h->token)
		h->token = text_member(entry, "token");
	h->ca_file = from_environment("BERTH_CA_FILE");
	if (!h->ca_file)
		h->ca_file = text_member(entry, "ca_file");
	return 0;
}

static int from_words(const char *words, const json_t *file, struct host *h, struct err *err)
{
	struct stat st;
	if (has_prefix(words, "unix:"))
		return from_path(words + strlen("unix:"), h, err);
	if (strstr(words, "://"))
		return from_url(words, file, h, err);
	if (strchr(words, '/') || (stat(words, &st) == 0 && S_ISDIR(st.st_mode)))
		return from_path(words, h, err);
	return from_url(words, file, h, err);
}

int host_resolve(const char *flag, struct host *ret, struct err *err)
{
	struct host h = {.origin = "-H"};
	json_auto_t *file = NULL;
	int r = load(&file, err);
	if (r < 0)
		return r;
	const char *words = flag;
	if (!words) {
		words = getenv("BERTH_HOST");
		h.origin = "BERTH_HOST";
	}
	if (!words || !*words) {
		words = json_string_value(json_object_get(file, "default"));
		h.origin = "hosts.json";
	}
	if (!words || !*words) {
		words = HOSTS_SYSTEM_SOCKET;
		h.origin = "this machine";
		if (!file_exists(words))
			return err_set(err, ENOENT, "no host is known to deploy to");
	}
	r = from_words(words, file, &h, err);
	if (r < 0) {
		host_clear(&h);
		return r;
	}
	*ret = h;
	return 0;
}

/* A copy of the CA in our folder, so that the original may be a download that goes away. */
static int save_ca(const char *dir, const char *url, const char *from, char **ret, struct err *err)
{
	_cleanup_free_ char *pem = NULL;
	size_t len;
	int r = file_read(from, CA_BYTES_MAX, &pem, &len, err);
	if (r < 0)
		return r;
	if (!strstr(pem, "-----BEGIN CERTIFICATE-----"))
		return err_set(err, EINVAL, "%s holds no certificate in PEM form", from);
	_cleanup_free_ char *name = xstrdup(url + strlen("https://"));
	for (char *p = name; *p; p++)
		if (strchr(":[]", *p))
			*p = '_';
	_cleanup_free_ char *to = xasprintf("%s/%s.ca.pem", dir, name);
	r = file_replace(to, pem, len, 0644, err);
	if (r == 0)
		*ret = take_ptr(to);
	return r;
}

static json_t *object_member(json_t *in, const char *key)
{
	json_t *o = json_object_get(in, key);
	if (!json_is_object(o)) {
		o = json_object();
		must(json_object_set_new(in, key, o) == 0);
	}
	return o;
}

int hosts_save(const struct host_entry *e, struct err *err)
{
	json_auto_t *file = NULL;
	_cleanup_free_ char *dir = config_dir();
	_cleanup_free_ char *path = hosts_path();
	_cleanup_free_ char *ca = NULL;
	if (!dir || !path)
		return err_set(err, ENOENT, "HOME is not set: there is no place for hosts.json");
	int r = load(&file, err);
	if (r == 0)
		r = file_make_dirs(dir, 0700, err);
	if (r == 0 && e->ca_file)
		r = save_ca(dir, e->url, e->ca_file, &ca, err);
	if (r < 0)
		return r;
	json_t *entry = object_member(object_member(file, "hosts"), e->url);
	if (e->token)
		must(json_object_set_new(entry, "token", json_string(e->token)) == 0);
	if (ca)
		must(json_object_set_new(entry, "ca_file", json_string(ca)) == 0);
	must(json_object_set_new(file, "default", json_string(e->url)) == 0);
	_cleanup_free_ char *text = json_dumps(file, JSON_INDENT(2) | JSON_SORT_KEYS);
	must(text);
	return file_replace(path, text, strlen(text), 0600, err);
}
