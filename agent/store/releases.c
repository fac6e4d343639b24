/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of releases, and which one is live. Numbers come from release_counters, which survives
 * the app. Rows of pruned releases stay: they are the app's history.
 */
#include "agent/store/sql.h"

#include <errno.h>

#include "lib/base/clock.h"

#define COLUMNS \
	"app, number, state, commit_id, source, code_release, description, created_ms, live_ms"

void release_row_clear(struct release_row *r)
{
	free(r->source);
	free(r->description);
	memset(r, 0, sizeof *r);
}

static void read_row(sqlite3_stmt *stmt, struct release_row *row)
{
	sql_text_into(stmt, 0, row->app, sizeof row->app);
	row->number = (unsigned)sqlite3_column_int(stmt, 1);
	row->state = (enum release_state)sqlite3_column_int(stmt, 2);
	sql_text_into(stmt, 3, row->commit, sizeof row->commit);
	row->source = sql_text(stmt, 4);
	row->code_release = (unsigned)sqlite3_column_int(stmt, 5);
	row->description = sql_text(stmt, 6);
	row->created_ms = sqlite3_column_int64(stmt, 7);
	row->live_ms = sqlite3_column_int64(stmt, 8);
}

static int next_number(struct store *s, const char *app, unsigned *ret, struct err *err)
{
	static const char sql[] = "INSERT INTO release_counters VALUES (?1, 1)"
				  " ON CONFLICT (app) DO UPDATE SET last = last + 1 RETURNING last";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	r = sql_step(s, stmt, "number the release", err);
	if (r < 0)
		return r;
	must(r == 1);
	*ret = (unsigned)sqlite3_column_int(stmt, 0);
	/* A RETURNING statement has made its change only when it was stepped to its end. */
	return sql_run(s, stmt, "number the release", err);
}

static int insert(struct store *s, const struct release_row *row, unsigned number, struct err *err)
{
	static const char sql[] = "INSERT INTO releases (" COLUMNS ")"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, row->app);
	sql_bind_int(stmt, 2, number);
	sql_bind_int(stmt, 3, row->state);
	sql_bind_text(stmt, 4, row->commit);
	sql_bind_text(stmt, 5, row->source);
	sql_bind_int(stmt, 6, row->code_release ? row->code_release : number);
	sql_bind_text(stmt, 7, row->description);
	sql_bind_int(stmt, 8, clock_wall_ms());
	return sql_run(s, stmt, "add the release", err);
}

int store_release_add(
	struct store *s, const struct release_row *row, unsigned *ret_number, struct err *err)
{
	struct app_row app;
	bool own = false;
	unsigned number = 0;
	int r = sql_enter(s, &own, err);
	if (r < 0)
		return r;
	r = store_app_get(s, row->app, &app, err);
	if (r == 0)
		r = next_number(s, row->app, &number, err);
	if (r == 0)
		r = insert(s, row, number, err);
	r = sql_leave(s, own, r, err);
	if (r == 0)
		*ret_number = number;
	return r;
}

int store_release_set_state(struct store *s, const char *app, unsigned number,
	enum release_state state, struct err *err)
{
	static const char sql[] = "UPDATE releases SET state = ?3 WHERE app = ?1 AND number = ?2";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_int(stmt, 2, number);
	sql_bind_int(stmt, 3, state);
	r = sql_run(s, stmt, "change the release", err);
	if (r == 0 && sql_changes(s) == 0)
		return err_set(err, ENOENT, "%s has no release v%u", app, number);
	return r;
}

static int stamp_live(struct store *s, const char *app, unsigned number, struct err *err)
{
	static const char sql[] = "UPDATE releases SET live_ms = ?3 WHERE app = ?1 AND number = ?2";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_int(stmt, 2, number);
	sql_bind_int(stmt, 3, clock_wall_ms());
	r = sql_run(s, stmt, "make the release live", err);
	if (r == 0 && sql_changes(s) == 0)
		return err_set(err, ENOENT, "%s has no release v%u", app, number);
	return r;
}

static int point_live(struct store *s, const char *app, unsigned number, struct err *err)
{
	static const char sql[] = "UPDATE apps SET live_release = ?2 WHERE name = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_int(stmt, 2, number);
	r = sql_run(s, stmt, "make the release live", err);
	if (r == 0 && sql_changes(s) == 0)
		return err_set(err, ENOENT, "there is no app named %s", app);
	return r;
}

int store_release_set_live(struct store *s, const char *app, unsigned number, struct err *err)
{
	bool own = false;
	int r = sql_enter(s, &own, err);
	if (r < 0)
		return r;
	if (number > 0)
		r = stamp_live(s, app, number, err);
	if (r == 0)
		r = point_live(s, app, number, err);
	return sql_leave(s, own, r, err);
}

int store_release_get(
	struct store *s, const char *app, unsigned number, struct release_row *ret, struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM releases WHERE app = ?1 AND number = ?2";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_int(stmt, 2, number);
	r = sql_step(s, stmt, "read the release", err);
	if (r == 0)
		return err_set(err, ENOENT, "%s has no release v%u", app, number);
	if (r < 0)
		return r;
	read_row(stmt, ret);
	return 0;
}

int store_release_list(struct store *s, const char *app, unsigned limit, struct release_row **ret,
	size_t *ret_count, struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM releases WHERE app = ?1"
				  " ORDER BY number DESC LIMIT ?2";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	void *rows = NULL;
	size_t count = 0;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_int(stmt, 2, limit ? (int64_t)limit : -1);
	while ((r = sql_step(s, stmt, "list the releases", err)) > 0)
		read_row(stmt, sql_grow(&rows, &count, sizeof(struct release_row)));
	if (r < 0) {
		for (size_t i = 0; i < count; i++)
			release_row_clear((struct release_row *)rows + i);
		free(rows);
		return r;
	}
	*ret = rows;
	*ret_count = count;
	return 0;
}

int store_release_previous(
	struct store *s, const char *app, struct release_row *ret, struct err *err)
{
	static const char sql[] =
		"SELECT " COLUMNS " FROM releases WHERE app = ?1 AND state = ?2 AND live_ms > 0"
		" AND number < (SELECT live_release FROM apps WHERE name = ?1)"
		" ORDER BY number DESC LIMIT 1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_int(stmt, 2, RELEASE_READY);
	r = sql_step(s, stmt, "find the previous release", err);
	if (r == 0)
		return err_set(err, ENOENT, "%s has no earlier release to go back to", app);
	if (r < 0)
		return r;
	read_row(stmt, ret);
	return 0;
}
