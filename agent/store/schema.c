/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema, as the list of steps that made it. A step that was published is never changed: a new
 * one is put behind it. Each runs once; the table `migrations` remembers which did, and when.
 */
#include "agent/store/sql.h"

#include <errno.h>

#include "lib/base/clock.h"

#define APPLICATION_ID 0x42727468 /* "Brth": file(1) and we know our own files by it */

static const char *const migrations[] = {
	/* 1: what a host needs from its first deploy on */
	"CREATE TABLE apps ("
	"  name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL,"
	"  live_release INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID;"
	/* Outlives the app: folders, units and proxy counts are named by app and number. */
	"CREATE TABLE release_counters ("
	"  app TEXT PRIMARY KEY, last INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE releases ("
	"  app TEXT NOT NULL REFERENCES apps(name) ON DELETE CASCADE,"
	"  number INTEGER NOT NULL, state INTEGER NOT NULL, commit_id TEXT NOT NULL,"
	"  source TEXT, code_release INTEGER NOT NULL, description TEXT,"
	"  created_ms INTEGER NOT NULL, live_ms INTEGER NOT NULL DEFAULT 0,"
	"  PRIMARY KEY (app, number)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE env ("
	"  app TEXT NOT NULL REFERENCES apps(name) ON DELETE CASCADE,"
	"  name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (app, name)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE domains ("
	"  domain TEXT PRIMARY KEY, app TEXT NOT NULL REFERENCES apps(name) ON DELETE CASCADE,"
	"  from_manifest INTEGER NOT NULL, created_ms INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX domains_by_app ON domains(app);"
	"CREATE TABLE tokens ("
	"  id TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
	"  scope TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
	"  used_ms INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE deploys ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  app TEXT NOT NULL REFERENCES apps(name) ON DELETE CASCADE,"
	"  kind TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT NOT NULL,"
	"  release INTEGER NOT NULL, previous INTEGER NOT NULL,"
	"  commit_id TEXT NOT NULL, source TEXT, description TEXT,"
	"  exit INTEGER NOT NULL, reason TEXT, hint TEXT,"
	"  created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX deploys_by_app ON deploys(app, id);"
	"CREATE TABLE instances ("
	"  app TEXT NOT NULL REFERENCES apps(name) ON DELETE CASCADE,"
	"  release INTEGER NOT NULL, process TEXT NOT NULL, idx INTEGER NOT NULL,"
	"  port INTEGER NOT NULL, PRIMARY KEY (app, release, process, idx)"
	") STRICT, WITHOUT ROWID;"
	"CREATE UNIQUE INDEX instances_by_port ON instances(port) WHERE port > 0;",
};

static int exec(struct store *s, const char *sql, struct err *err)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	int code = sqlite3_extended_errcode(s->db);
	return err_set(err, (code & 0xff) == SQLITE_FULL ? ENOSPC : EIO,
		"cannot bring the schema up to date: %s", sqlite3_errmsg(s->db));
}

static int read_int(struct store *s, const char *sql, int64_t *ret, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	int r = 0;
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	else
		r = err_set(err, EIO, "cannot read the schema version: %s", sqlite3_errmsg(s->db));
	(void)sqlite3_finalize(stmt);
	return r;
}

static int is_ours(struct store *s, bool *ret_fresh, struct err *err)
{
	int64_t id = 0, tables = 0;
	int r = read_int(s, "PRAGMA application_id", &id, err);
	if (r == 0)
		r = read_int(s, "SELECT count(*) FROM sqlite_master", &tables, err);
	if (r < 0)
		return r;
	*ret_fresh = tables == 0;
	if (tables > 0 && id != APPLICATION_ID)
		return err_set(err, EINVAL,
			"this is a database of another program; move it away or name another folder");
	return 0;
}

static int apply(struct store *s, int64_t version, struct err *err)
{
	int r = exec(s, migrations[version - 1], err);
	if (r < 0)
		return r;
	_cleanup_free_ char *sql = xasprintf("INSERT INTO migrations VALUES (%lld, %lld)",
		(long long)version, (long long)clock_wall_ms());
	return exec(s, sql, err);
}

static int migrate(struct store *s, bool fresh, struct err *err)
{
	int64_t version = 0;
	int r = 0;

	if (fresh) {
		_cleanup_free_ char *sql =
			xasprintf("PRAGMA application_id=%d;"
				  "CREATE TABLE migrations (version INTEGER PRIMARY KEY,"
				  " applied_ms INTEGER NOT NULL) STRICT;",
				APPLICATION_ID);
		r = exec(s, sql, err);
	}
	if (r == 0)
		r = read_int(s, "SELECT coalesce(max(version), 0) FROM migrations", &version, err);
	if (r < 0)
		return r;
	const int64_t known = (int64_t)ARRAY_SIZE(migrations);
	if (version > known)
		return err_set(err, ENOTSUP,
			"its schema version %lld is newer than this program's %lld; install the "
			"newer berth again or restore a backup that this one made",
			(long long)version, (long long)known);
	for (int64_t next = version + 1; next <= known && r == 0; next++)
		r = apply(s, next, err);
	return r;
}

int schema_migrate(struct store *s, struct err *err)
{
	bool fresh;
	int r = is_ours(s, &fresh, err);
	if (r < 0)
		return r;
	r = exec(s, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return r;
	r = migrate(s, fresh, err);
	if (r == 0)
		r = exec(s, "COMMIT", err);
	if (r < 0)
		store_rollback(s);
	return r;
}
