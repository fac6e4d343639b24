/* SPDX-License-Identifier: Apache-2.0
 *
 * struct store: what the agent must not forget, in SQLite (WAL, synchronous=FULL): a call that
 * returned 0 survives a power cut. One file a table behind this header; nobody else speaks SQL.
 * Rows come back as structs that own their strings; free them with the function beside them.
 */
#ifndef BERTH_AGENT_STORE_H
#define BERTH_AGENT_STORE_H

#include "lib/base/err.h"
#include "lib/base/ident.h"

struct store;

int store_open(const char *path, struct store **ret, struct err *err);
void store_close(struct store *s);

/* Several changes as one: begin, then commit, or rollback on any error. Not nested. */
int store_begin(struct store *s, struct err *err);
int store_commit(struct store *s, struct err *err);
void store_rollback(struct store *s);

/* Apps. A name is free again after removal; release numbers of an app are never used twice. */
struct app_row {
	char name[IDENT_APP_MAX + 1];
	int64_t created_ms;
	unsigned live_release; /* 0: none yet */
};

int store_app_add(struct store *s, const char *app, struct err *err); /* -EEXIST */
int store_app_get(
	struct store *s, const char *app, struct app_row *ret, struct err *err); /* -ENOENT */
int store_app_list(struct store *s, struct app_row **ret, size_t *ret_count, struct err *err);
int store_app_remove(struct store *s, const char *app, struct err *err);

/* Releases: immutable once built. */
enum release_state {
	RELEASE_BUILDING, /* not usable yet; removed with its folder when its deploy fails */
	RELEASE_READY, /* was or is live, can be rolled back to */
	RELEASE_FAILED, /* kept for its build log until pruned; its code is removed */
	RELEASE_PRUNED, /* only the row remains */
};

struct release_row {
	char app[IDENT_APP_MAX + 1];
	unsigned number;
	enum release_state state;
	char commit[IDENT_COMMIT_LEN + 1]; /* what was built */
	char *source; /* JSON of where it came from: {"commit","branch","message","dirty","author"} */
	unsigned
		code_release; /* release whose folder holds the code: its own number, or, for a change
				  of env and for a rollback, the one it was copied from */
	char *description; /* "deploy", "rollback to v3", "env: set DEBUG" */
	int64_t created_ms, live_ms; /* live_ms: when it last went live, 0 never */
};

void release_row_clear(struct release_row *r);
int store_release_add(
	struct store *s, const struct release_row *r, unsigned *ret_number, struct err *err);
int store_release_set_state(struct store *s, const char *app, unsigned number,
	enum release_state state, struct err *err);
int store_release_set_live(struct store *s, const char *app, unsigned number, struct err *err);
int store_release_get(struct store *s, const char *app, unsigned number, struct release_row *ret,
	struct err *err);
/* Newest first; limit 0 is all. */
int store_release_list(struct store *s, const char *app, unsigned limit, struct release_row **ret,
	size_t *ret_count, struct err *err);
/* The release that was live before the present one and can be again; -ENOENT. */
int store_release_previous(
	struct store *s, const char *app, struct release_row *ret, struct err *err);

/* Environment of an app: what the next release is given. */
struct env_pair {
	char *name, *value;
};
struct env_list {
	struct env_pair *pairs; /* sorted by name */
	size_t count;
};

void env_list_clear(struct env_list *l);
int store_env_get(struct store *s, const char *app, struct env_list *ret, struct err *err);
/* NULL value: unset. */
int store_env_set(
	struct store *s, const char *app, const char *name, const char *value, struct err *err);

/* Domains: one app each; the default <app>.<base domain> is not stored. */
struct domain_row {
	char domain[IDENT_DOMAIN_MAX + 1];
	char app[IDENT_APP_MAX + 1];
	bool from_manifest;
	int64_t created_ms;
};

/* -EEXIST names the app that has it. Adding again to the same app is success. */
int store_domain_add(
	struct store *s, const char *app, const char *domain, bool from_manifest, struct err *err);
int store_domain_remove(struct store *s, const char *app, const char *domain, struct err *err);
/* app NULL: all. */
int store_domain_list(struct store *s, const char *app, struct domain_row **ret, size_t *ret_count,
	struct err *err);

/* API tokens: only a SHA-256 is kept. scope is "*" or one app. */
struct token_row {
	char id[17];
	char *name;
	char scope[IDENT_APP_MAX + 1];
	int64_t created_ms, expires_ms, used_ms; /* expires 0: never */
};

void token_row_clear(struct token_row *t);
int store_token_add(
	struct store *s, const struct token_row *t, const char *sha256_hex, struct err *err);
int store_token_find(
	struct store *s, const char *sha256_hex, struct token_row *ret, struct err *err);
int store_token_list(struct store *s, struct token_row **ret, size_t *ret_count, struct err *err);
int store_token_remove(struct store *s, const char *id, struct err *err);

#endif
