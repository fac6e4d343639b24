/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of environment variables: what the next release of an app is given. Values are
 * secrets: they appear in no error.
 */
#include "agent/store/sql.h"

#include <errno.h>

void env_list_clear(struct env_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->pairs[i].name);
		free(l->pairs[i].value);
	}
	free(l->pairs);
	*l = (struct env_list){0};
}

int store_env_get(struct store *s, const char *app, struct env_list *ret, struct err *err)
{
	static const char sql[] = "SELECT name, value FROM env WHERE app = ?1 ORDER BY name";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	struct env_list list = {0};
	void *rows = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	while ((r = sql_step(s, stmt, "read the environment", err)) > 0) {
		struct env_pair *pair = sql_grow(&rows, &list.count, sizeof *pair);
		pair->name = sql_text(stmt, 0);
		pair->value = sql_text(stmt, 1);
	}
	list.pairs = rows;
	if (r < 0) {
		env_list_clear(&list);
		return r;
	}
	*ret = list;
	return 0;
}

static int env_unset(struct store *s, const char *app, const char *name, struct err *err)
{
	static const char sql[] = "DELETE FROM env WHERE app = ?1 AND name = ?2";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_text(stmt, 2, name);
	return sql_run(s, stmt, "change the environment", err);
}

int store_env_set(
	struct store *s, const char *app, const char *name, const char *value, struct err *err)
{
	static const char sql[] = "INSERT INTO env VALUES (?1, ?2, ?3)"
				  " ON CONFLICT (app, name) DO UPDATE SET value = excluded.value";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = ident_check_env(name, err);
	if (r < 0)
		return r;
	if (!value)
		return env_unset(s, app, name, err);
	r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_text(stmt, 2, name);
	sql_bind_text(stmt, 3, value);
	r = sql_run(s, stmt, "change the environment", err);
	return r == -EEXIST ? err_set(err, ENOENT, "there is no app named %s", app) : r;
}
