/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of instances that were started and not yet seen to be gone, with the loopback port each
 * was given. A port belongs to one instance at a time.
 */
#include "agent/store/progress.h"

#include <errno.h>

#include "agent/store/sql.h"

int store_instance_put(struct store *s, const struct instance_row *i, struct err *err)
{
	static const char sql[] =
		"INSERT INTO instances VALUES (?1, ?2, ?3, ?4, ?5)"
		" ON CONFLICT (app, release, process, idx) DO UPDATE SET port = excluded.port";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, i->app);
	sql_bind_int(stmt, 2, i->release);
	sql_bind_text(stmt, 3, i->process);
	sql_bind_int(stmt, 4, i->index);
	sql_bind_int(stmt, 5, i->port);
	r = sql_run(s, stmt, "record the instance", err);
	if (r == -EEXIST)
		return err_set(err, EEXIST, "port %u belongs to another instance", i->port);
	return r;
}

int store_instance_remove(struct store *s, const struct instance_row *i, struct err *err)
{
	static const char sql[] = "DELETE FROM instances"
				  " WHERE app = ?1 AND release = ?2 AND process = ?3 AND idx = ?4";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, i->app);
	sql_bind_int(stmt, 2, i->release);
	sql_bind_text(stmt, 3, i->process);
	sql_bind_int(stmt, 4, i->index);
	return sql_run(s, stmt, "forget the instance", err);
}

int store_instance_list(struct store *s, const char *app, struct instance_row **ret,
	size_t *ret_count, struct err *err)
{
	static const char sql[] =
		"SELECT app, release, process, idx, port FROM instances"
		" WHERE ?1 IS NULL OR app = ?1 ORDER BY app, release, process, idx";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	_cleanup_free_ void *rows = NULL;
	size_t count = 0;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	while ((r = sql_step(s, stmt, "list the instances", err)) > 0) {
		struct instance_row *row = sql_grow(&rows, &count, sizeof *row);
		sql_text_into(stmt, 0, row->app, sizeof row->app);
		row->release = (unsigned)sqlite3_column_int(stmt, 1);
		sql_text_into(stmt, 2, row->process, sizeof row->process);
		row->index = (unsigned)sqlite3_column_int(stmt, 3);
		row->port = (unsigned)sqlite3_column_int(stmt, 4);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(rows);
	*ret_count = count;
	return 0;
}
