/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of domains: each belongs to one app. The default host of an app is not in it.
 */
#include "agent/store/sql.h"

#include <errno.h>

#include "lib/base/clock.h"

static int find_owner(
	struct store *s, const char *domain, char owner[IDENT_APP_MAX + 1], struct err *err)
{
	static const char sql[] = "SELECT app FROM domains WHERE domain = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, domain);
	r = sql_step(s, stmt, "look up the domain", err);
	if (r > 0)
		sql_text_into(stmt, 0, owner, IDENT_APP_MAX + 1);
	return r;
}

static int insert(
	struct store *s, const char *app, const char *domain, bool from_manifest, struct err *err)
{
	static const char sql[] = "INSERT INTO domains VALUES (?1, ?2, ?3, ?4)";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, domain);
	sql_bind_text(stmt, 2, app);
	sql_bind_int(stmt, 3, from_manifest);
	sql_bind_int(stmt, 4, clock_wall_ms());
	r = sql_run(s, stmt, "add the domain", err);
	return r == -EEXIST ? err_set(err, ENOENT, "there is no app named %s", app) : r;
}

int store_domain_add(
	struct store *s, const char *app, const char *domain, bool from_manifest, struct err *err)
{
	char owner[IDENT_APP_MAX + 1];
	int r = ident_check_domain(domain, true, err);
	if (r < 0)
		return r;
	r = find_owner(s, domain, owner, err);
	if (r < 0)
		return r;
	if (r == 0)
		return insert(s, app, domain, from_manifest, err);
	if (streq(owner, app))
		return 0;
	return err_set(err, EEXIST, "the domain %s belongs to the app %s; remove it there first",
		domain, owner);
}

int store_domain_remove(struct store *s, const char *app, const char *domain, struct err *err)
{
	static const char sql[] = "DELETE FROM domains WHERE app = ?1 AND domain = ?2";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	sql_bind_text(stmt, 2, domain);
	r = sql_run(s, stmt, "remove the domain", err);
	if (r == 0 && sql_changes(s) == 0)
		return err_set(err, ENOENT, "%s has no domain %s", app, domain);
	return r;
}

int store_domain_list(struct store *s, const char *app, struct domain_row **ret, size_t *ret_count,
	struct err *err)
{
	static const char sql[] = "SELECT domain, app, from_manifest, created_ms FROM domains"
				  " WHERE ?1 IS NULL OR app = ?1 ORDER BY app, created_ms, domain";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	_cleanup_free_ void *rows = NULL;
	size_t count = 0;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, app);
	while ((r = sql_step(s, stmt, "list the domains", err)) > 0) {
		struct domain_row *row = sql_grow(&rows, &count, sizeof *row);
		sql_text_into(stmt, 0, row->domain, sizeof row->domain);
		sql_text_into(stmt, 1, row->app, sizeof row->app);
		row->from_manifest = sqlite3_column_int(stmt, 2) != 0;
		row->created_ms = sqlite3_column_int64(stmt, 3);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(rows);
	*ret_count = count;
	return 0;
}
