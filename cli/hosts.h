/* SPDX-License-Identifier: Apache-2.0
 *
 * Which agent to talk to, and the file of known hosts: ~/.config/berth/hosts.json, mode 0600,
 *
 *	{"default": "https://berth.example.com",
 *	 "hosts": {"https://berth.example.com": {"token": "...", "ca_file": "/..."}}}
 *
 * Order: -H, BERTH_HOST, the file's default, /run/berth/agent.sock when it exists.
 */
#ifndef BERTH_CLI_HOSTS_H
#define BERTH_CLI_HOSTS_H

#include <stdbool.h>

#include "lib/base/err.h"

#define HOSTS_SYSTEM_SOCKET "/run/berth/agent.sock"

struct host {
	char *unix_path; /* or */
	char *url; /* https, without a final slash */
	char *token, *ca_file; /* NULL: none */
	const char *origin; /* who said so: "-H", "BERTH_HOST", ... */
};

/* `flag` is the value of -H, or NULL. Forms: unix:/path, /path/agent.sock, the folder of a
 * standalone agent, https://host[:port], or a bare host name. -EINVAL: not a host; -ENOENT: none is
 * known; -EIO and others: the file is unreadable. */
int host_resolve(const char *flag, struct host *ret, struct err *err);
void host_clear(struct host *h);

/* The URL in its one spelling, caller frees; -EINVAL with words for plain http and the like. */
int host_check_url(const char *typed, char **ret, struct err *err);

/* Adds or replaces an entry and makes it the default. `ca_file` is copied into the folder. */
struct host_entry {
	const char *url, *token, *ca_file; /* NULL: keep what the file has */
};
int hosts_save(const struct host_entry *e, struct err *err);

/* The path of hosts.json; caller frees. NULL: no home folder. */
char *hosts_path(void);

#endif
