/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's configuration file: one table of keys makes the parser, its error messages and
 * --show-config. Values are text and numbers; nobody else reads the file.
 */
#ifndef BERTH_AGENT_CONFIG_H
#define BERTH_AGENT_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/base/err.h"

struct yaml;

struct agent_config {
	const char *domain; /* an app's default host is <app>.<domain> */
	const char *admin_host; /* berth.<domain>; NULL when it is "" in the file */
	uint64_t http_port, https_port; /* those that the proxy listens on */
	uint64_t build_memory, build_timeout_ms, release_timeout_ms; /* bytes, milliseconds */
	json_t *build_env; /* object of texts, or NULL */
	uint64_t releases_kept;
	uint64_t port_min, port_max;
	uint64_t drain_ms, guard_ms;
	const char *admin_group, *proxy_group;
	const char *state_dir, *run_dir, *programs;
	/* Where certificates for names of the internet come from; no directory: the local CA. */
	struct {
		const char *directory, *email, *eab_kid, *eab_key_file,
			*ca_file; /* NULL: not said */
		bool agree_terms;
	} acme;
	/* What the texts above belong to. */
	json_t *defaults;
	struct yaml *file;
	char *default_admin_host;
};

/* The defaults alone. */
void config_init(struct agent_config *c);
/* Reads the file over the defaults. Errors say file:line and the nearest key. */
int config_load(const char *path, struct agent_config *ret, struct err *err);
void config_release(struct agent_config *c);

/* Every key with its meaning and its value, as a file that config_load() would read. */
void config_show(const struct agent_config *c, FILE *to);

#endif
