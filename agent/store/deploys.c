/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of deploys: where each stands, written before the engine acts on it. The names of kinds
 * and states are the engine's; to the store they are words.
 */
#include "agent/store/progress.h"

#include <errno.h>

#include "agent/store/sql.h"
#include "lib/base/clock.h"

#define COLUMNS                                                                              \
	"id, app, kind, state, outcome, release, previous, commit_id, source, description, " \
	"exit, reason, hint, created_ms, ended_ms"

void deploy_row_clear(struct deploy_row *d)
{
	free(d->source);
	free(d->description);
	free(d->reason);
	free(d->hint);
	memset(d, 0, sizeof *d);
}

static void read_row(sqlite3_stmt *stmt, struct deploy_row *row)
{
	row->id = (uint64_t)sqlite3_column_int64(stmt, 0);
	sql_text_into(stmt, 1, row->app, sizeof row->app);
	sql_text_into(stmt, 2, row->kind, sizeof row->kind);
	sql_text_into(stmt, 3, row->state, sizeof row->state);
	sql_text_into(stmt, 4, row->outcome, sizeof row->outcome);
	row->release = (unsigned)sqlite3_column_int(stmt, 5);
	row->previous = (unsigned)sqlite3_column_int(stmt, 6);
	sql_text_into(stmt, 7, row->commit, sizeof row->commit);
	row->source = sql_text(stmt, 8);
	row->description = sql_text(stmt, 9);
	row->exit = sqlite3_column_int(stmt, 10);
	row->reason = sql_text(stmt, 11);
	row->hint = sql_text(stmt, 12);
	row->created_ms = sqlite3_column_int64(stmt, 13);
	row->ended_ms = sqlite3_column_int64(stmt, 14);
}

int store_deploy_add(struct store *s, const struct deploy_row *d, uint64_t *ret_id, struct err *err)
{
	static const char sql[] =
		"INSERT INTO deploys (app, kind, state, outcome, release, previous, commit_id,"
		" source, description, exit, created_ms, ended_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, 0)";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, d->app);
	sql_bind_text(stmt, 2, d->kind);
	sql_bind_text(stmt, 3, d->state);
	sql_bind_text(stmt, 4, d->outcome);
	sql_bind_int(stmt, 5, d->release);
	sql_bind_int(stmt, 6, d->previous);
	sql_bind_text(stmt, 7, d->commit);
	sql_bind_text(stmt, 8, d->source);
	sql_bind_text(stmt, 9, d->description);
	sql_bind_int(stmt, 10, d->created_ms ? d->created_ms : clock_wall_ms());
	r = sql_run(s, stmt, "queue the deploy", err);
	if (r == -EEXIST)
		return err_set(err, ENOENT, "there is no app named %s", d->app);
	if (r == 0)
		*ret_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return r;
}

int store_deploy_update(struct store *s, const struct deploy_row *d, struct err *err)
{
	static const char sql[] =
		"UPDATE deploys SET state = ?2, outcome = ?3, release = ?4, previous = ?5,"
		" exit = ?6, reason = ?7, hint = ?8, ended_ms = ?9 WHERE id = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_int(stmt, 1, (int64_t)d->id);
	sql_bind_text(stmt, 2, d->state);
	sql_bind_text(stmt, 3, d->outcome);
	sql_bind_int(stmt, 4, d->release);
	sql_bind_int(stmt, 5, d->previous);
	sql_bind_int(stmt, 6, d->exit);
	sql_bind_text(stmt, 7, d->reason);
	sql_bind_text(stmt, 8, d->hint);
	sql_bind_int(stmt, 9, d->ended_ms);
	r = sql_run(s, stmt, "record the deploy", err);
	if (r == 0 && sql_changes(s) == 0)
		return err_set(err, ENOENT, "there is no deploy %llu", (unsigned long long)d->id);
	return r;
}

int store_deploy_get(struct store *s, uint64_t id, struct deploy_row *ret, struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM deploys WHERE id = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_int(stmt, 1, (int64_t)id);
	r = sql_step(s, stmt, "read the deploy", err);
	if (r == 0)
		return err_set(err, ENOENT, "there is no deploy %llu", (unsigned long long)id);
	if (r < 0)
		return r;
	read_row(stmt, ret);
	return 0;
}

void deploy_rows_free(struct deploy_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		deploy_row_clear(&rows[i]);
	free(rows);
}

static int collect(struct store *s, sqlite3_stmt *stmt, struct deploy_row **ret, size_t *ret_count,
	struct err *err)
{
	void *rows = NULL;
	size_t count = 0;
	int r;

	while ((r = sql_step(s, stmt, "list the deploys", err)) > 0)
		read_row(stmt, sql_grow(&rows, &count, sizeof(struct deploy_row)));
	if (r < 0) {
		deploy_rows_free(rows, count);
		return r;
	}
	*ret = rows;
	*ret_count = count;
	return 0;
}

int store_deploy_list_unfinished(struct store *s, const char *final_state, struct deploy_row **ret,
	size_t *ret_count, struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM deploys WHERE state <> ?1 ORDER BY id";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, final_state);
	return collect(s, stmt, ret, ret_count, err);
}

int store_deploy_list(struct store *s, const char *app, struct deploy_row **ret, size_t *ret_count,
	struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM deploys WHERE app = ?1 ORDER BY id DESC";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	return collect(s, stmt, ret, ret_count, err);
}

int store_deploy_remove(struct store *s, uint64_t id, struct err *err)
{
	static const char sql[] = "DELETE FROM deploys WHERE id = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_int(stmt, 1, (int64_t)id);
	return sql_run(s, stmt, "forget the deploy", err);
}
