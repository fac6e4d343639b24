/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of apps. Removing one takes its releases, environment, domains, deploys and instances
 * with it (foreign keys); its release counter stays, so that no number is ever used twice.
 */
#include "agent/store/sql.h"

#include <errno.h>

#include "lib/base/clock.h"

int store_app_add(struct store *s, const char *app, struct err *err)
{
	static const char sql[] = "INSERT INTO apps (name, created_ms) VALUES (?1, ?2)";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = ident_check_app(app, err);
	if (r == 0)
		r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_int(stmt, 2, clock_wall_ms());
	r = sql_run(s, stmt, "add the app", err);
	return r == -EEXIST ? err_set(err, EEXIST, "an app named %s exists already", app) : r;
}

static void read_row(sqlite3_stmt *stmt, struct app_row *row)
{
	sql_text_into(stmt, 0, row->name, sizeof row->name);
	row->created_ms = sqlite3_column_int64(stmt, 1);
	row->live_release = (unsigned)sqlite3_column_int(stmt, 2);
}

int store_app_get(struct store *s, const char *app, struct app_row *ret, struct err *err)
{
	static const char sql[] = "SELECT name, created_ms, live_release FROM apps WHERE name = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	r = sql_step(s, stmt, "read the app", err);
	if (r == 0)
		return err_set(err, ENOENT, "there is no app named %s", app);
	if (r < 0)
		return r;
	read_row(stmt, ret);
	return 0;
}

int store_app_list(struct store *s, struct app_row **ret, size_t *ret_count, struct err *err)
{
	static const char sql[] = "SELECT name, created_ms, live_release FROM apps ORDER BY name";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	_cleanup_free_ void *rows = NULL;
	size_t count = 0;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	while ((r = sql_step(s, stmt, "list the apps", err)) > 0)
		read_row(stmt, sql_grow(&rows, &count, sizeof(struct app_row)));
	if (r < 0)
		return r;
	*ret = take_ptr(rows);
	*ret_count = count;
	return 0;
}

int store_app_remove(struct store *s, const char *app, struct err *err)
{
	static const char sql[] = "DELETE FROM apps WHERE name = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	r = sql_run(s, stmt, "remove the app", err);
	if (r == 0 && sql_changes(s) == 0)
		return err_set(err, ENOENT, "there is no app named %s", app);
	return r;
}
