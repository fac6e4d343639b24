/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration from JSON, by two tables: numbers, and everything else.
 */
#include "proxy/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "lib/base/parse.h"
#include "lib/sys/file.h"

#define CONFIG_BYTES_MAX (256u << 10)
#define WORKERS_DEFAULT_MAX 4

struct number_key {
	const char *key;
	size_t offset; /* of a uint64_t */
	uint64_t min, max, fallback;
};

#define TIMEOUT(name, fallback_ms)                                                          \
	{                                                                                   \
#name, offsetof(struct timeouts, name), 1, 24ull * 3600 * 1000, fallback_ms \
	}

static const struct number_key timeout_keys[] = {
	TIMEOUT(header, 10000),
	TIMEOUT(idle, 60000),
	TIMEOUT(body, 30000),
	TIMEOUT(connect, 5000),
	TIMEOUT(hold, 2000),
	TIMEOUT(upstream, 60000),
	TIMEOUT(stream, 300000),
	TIMEOUT(drain, 30000),
};

static const char *const keys[] = {
	"http", "https", "control", "routes", "workers", "https_port", "body_max", "timeouts"};

static int complain_unknown(
	const char *where, const char *key, const char *const *known, size_t n, struct err *err)
{
	const char *near = str_nearest(key, known, n);
	return err_set(err, EINVAL, "unknown key '%s%.60s'%s%s%s", where, key,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int check_keys(json_t *top, struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(top))
		return err_set(err, EINVAL, "must be a JSON object");
	json_object_foreach (top, key, value) {
		size_t i = 0;
		while (i < ARRAY_SIZE(keys) && !streq(keys[i], key))
			i++;
		if (i == ARRAY_SIZE(keys))
			return complain_unknown("", key, keys, ARRAY_SIZE(keys), err);
	}
	return 0;
}

static int read_number(json_t *v, const struct number_key *k, uint64_t *ret, struct err *err)
{
	*ret = k->fallback;
	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
		(uint64_t)json_integer_value(v) < k->min ||
		(uint64_t)json_integer_value(v) > k->max)
		return err_set(err, EINVAL,
			"%s must be a whole number from %" JSON_INTEGER_FORMAT
			" to %" JSON_INTEGER_FORMAT,
			k->key, (json_int_t)k->min, (json_int_t)k->max);
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int read_timeouts(json_t *object, struct timeouts *to, struct err *err)
{
	const char *known[ARRAY_SIZE(timeout_keys)], *key;
	json_t *value;

	if (object && !json_is_object(object))
		return err_set(err, EINVAL, "timeouts must be an object of milliseconds");
	for (size_t i = 0; i < ARRAY_SIZE(timeout_keys); i++) {
		const struct number_key *k = &timeout_keys[i];
		known[i] = k->key;
		uint64_t *field = (uint64_t *)(void *)((char *)to + k->offset);
		if (read_number(json_object_get(object, k->key), k, field, err) < 0)
			return err_wrap(err, "timeouts");
	}
	json_object_foreach (object, key, value) {
		size_t i = 0;
		while (i < ARRAY_SIZE(known) && !streq(known[i], key))
			i++;
		if (i == ARRAY_SIZE(known))
			return complain_unknown("timeouts.", key, known, ARRAY_SIZE(known), err);
	}
	return 0;
}

/* "127.0.0.1:8080" or "[::]:443". */
static int parse_listen(const char *text, struct listen_address *ret)
{
	const char *colon = strrchr(text, ':');
	unsigned char parsed[16];

	if (!colon || parse_unsigned(colon + 1, 1, UINT16_MAX, &ret->port) < 0)
		return -EINVAL;
	struct str host = {text, (size_t)(colon - text)};
	int family = AF_INET;
	if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']') {
		host = (struct str){host.p + 1, host.len - 2};
		family = AF_INET6;
	}
	if (str_copy(ret->address, sizeof ret->address, host) < 0)
		return -EINVAL;
	return inet_pton(family, ret->address, parsed) == 1 ? 0 : -EINVAL;
}

static int read_listen(json_t *top, const char *key, struct listen_list *ret, struct err *err)
{
	json_t *list = json_object_get(top, key);
	size_t n = json_array_size(list);

	if (list && !json_is_array(list))
		return err_set(err, EINVAL, "%s must be an array of addresses", key);
	if (n > CONFIG_LISTEN_MAX)
		return err_set(
			err, EINVAL, "%s has more than %d addresses", key, CONFIG_LISTEN_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		if (!text || parse_listen(text, &ret->at[i]) < 0)
			return err_set(err, EINVAL,
				"%s[%zu] must be like \"127.0.0.1:8080\" or \"[::]:443\"", key, i);
	}
	ret->count = n;
	return 0;
}

static int read_path(json_t *top, const char *key, char **ret, struct err *err)
{
	json_t *v = json_object_get(top, key);

	if (!v)
		return 0;
	if (!json_is_string(v) || json_string_value(v)[0] != '/')
		return err_set(err, EINVAL, "%s must be an absolute path", key);
	*ret = xstrdup(json_string_value(v));
	return 0;
}

static unsigned default_workers(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 1 ? 1 : cores > WORKERS_DEFAULT_MAX ? WORKERS_DEFAULT_MAX : (unsigned)cores;
}

static int read_config(json_t *top, struct config *c, struct err *err)
{
	const struct number_key workers = {"workers", 0, 1, CONFIG_WORKERS_MAX, default_workers()};
	const struct number_key https_port = {"https_port", 0, 1, UINT16_MAX, 443};
	const struct number_key body_max = {"body_max", 0, 1, INT64_MAX, 1ull << 30};
	uint64_t workers_value, port_value;

	if (check_keys(top, err) < 0 || read_listen(top, "http", &c->http, err) < 0 ||
		read_listen(top, "https", &c->https, err) < 0 ||
		read_path(top, "control", &c->control, err) < 0 ||
		read_path(top, "routes", &c->routes, err) < 0 ||
		read_number(json_object_get(top, "workers"), &workers, &workers_value, err) < 0 ||
		read_number(json_object_get(top, "https_port"), &https_port, &port_value, err) <
			0 ||
		read_number(json_object_get(top, "body_max"), &body_max, &c->body_max, err) < 0 ||
		read_timeouts(json_object_get(top, "timeouts"), &c->timeouts, err) < 0)
		return -EINVAL;
	c->workers = (unsigned)workers_value;
	c->https_port = (unsigned)port_value;
	if (!c->routes)
		return err_set(err, EINVAL, "routes is missing: the path of the route table");
	return 0;
}

int config_load(const char *path, struct config *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	json_error_t bad;

	*ret = (struct config){0};
	int r = file_read(path, CONFIG_BYTES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	json_auto_t *top = json_loadb(text, len, JSON_REJECT_DUPLICATES, &bad);
	if (!top)
		return err_set(err, EINVAL, "%s:%d: %s", path, bad.line, bad.text);
	if (read_config(top, ret, err) < 0) {
		config_release(ret);
		return err_wrap(err, "%s", path);
	}
	return 0;
}

void config_release(struct config *c)
{
	free(c->control);
	free(c->routes);
	*c = (struct config){0};
}
