/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening the database, transactions, and the few calls through which the tables' files speak SQL.
 * A damaged or foreign file is refused and left as it is: what can be rescued is the owner's to say.
 */
#include "agent/store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/str.h"

#define BUSY_TIMEOUT_MS 2000

static int errno_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EBADMSG;
	case SQLITE_CONSTRAINT:
		return EEXIST;
	default:
		return EIO;
	}
}

static int sql_error(struct store *s, int code, const char *what, struct err *err)
{
	const char *words = sqlite3_errmsg(s->db);

	/* The index of the log is a file as well, made when the store is opened. */
	if (code == SQLITE_IOERR_SHMSIZE)
		code = SQLITE_FULL;
	switch (code & 0xff) {
	case SQLITE_FULL:
		words = "the disk is full; free some space and try again";
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		words = "another process has locked the database";
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		words = "the database is damaged; restore it from a backup";
		break;
	case SQLITE_IOERR:
		words = "the disk reports an input/output error";
		break;
	default:
		break;
	}
	return err_set(err, errno_of(code), "cannot %s: %s", what, words);
}

int sql_prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct err *err)
{
	for (size_t i = 0; i < s->statement_count; i++)
		if (s->statements[i].sql == sql) {
			*ret = s->statements[i].stmt;
			return 0;
		}
	must(s->statement_count < STORE_STATEMENTS_MAX);
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (code != SQLITE_OK)
		return sql_error(s, code, "use the store", err);
	s->statements[s->statement_count].sql = sql;
	s->statements[s->statement_count++].stmt = stmt;
	*ret = stmt;
	return 0;
}

void sql_bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
	int code = text ? sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC)
			: sqlite3_bind_null(stmt, index);
	must(code == SQLITE_OK);
}

void sql_bind_int(sqlite3_stmt *stmt, int index, int64_t value)
{
	int code = sqlite3_bind_int64(stmt, index, value);
	must(code == SQLITE_OK);
}

int sql_step(struct store *s, sqlite3_stmt *stmt, const char *what, struct err *err)
{
	int code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : sql_error(s, code, what, err);
}

int sql_run(struct store *s, sqlite3_stmt *stmt, const char *what, struct err *err)
{
	int r = sql_step(s, stmt, what, err);
	return r < 0 ? r : 0;
}

int sql_changes(struct store *s)
{
	return sqlite3_changes(s->db);
}

char *sql_text(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);
	return text ? xstrdup((const char *)text) : NULL;
}

void sql_text_into(sqlite3_stmt *stmt, int column, char *to, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);
	/* What is longer than our own limits was not written by us: cut, so that it fails its checks. */
	(void)snprintf(to, size, "%s", text ? (const char *)text : "");
}

void *sql_grow(void **rows, size_t *count, size_t size)
{
	*rows = xrealloc(*rows, *count + 1, size);
	char *row = (char *)*rows + *count * size;
	memset(row, 0, size);
	(*count)++;
	return row;
}

static int run_simple(struct store *s, const char *sql, const char *what, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	return r < 0 ? r : sql_run(s, stmt, what, err);
}

int store_begin(struct store *s, struct err *err)
{
	static const char sql[] = "BEGIN IMMEDIATE";
	must(sqlite3_get_autocommit(s->db) != 0);
	return run_simple(s, sql, "begin a change of the store", err);
}

int store_commit(struct store *s, struct err *err)
{
	static const char sql[] = "COMMIT";
	int r = run_simple(s, sql, "write the store", err);
	/* A commit that failed for lack of space leaves the transaction open. */
	if (r < 0)
		store_rollback(s);
	return r;
}

void store_rollback(struct store *s)
{
	static const char sql[] = "ROLLBACK";
	/* Some errors have taken the transaction back already. */
	if (sqlite3_get_autocommit(s->db) == 0)
		(void)run_simple(s, sql, "take back a change of the store", NULL);
}

int sql_enter(struct store *s, bool *ret_own, struct err *err)
{
	*ret_own = sqlite3_get_autocommit(s->db) != 0;
	return *ret_own ? store_begin(s, err) : 0;
}

int sql_leave(struct store *s, bool own, int r, struct err *err)
{
	if (!own)
		return r;
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	return store_commit(s, err);
}

/* The file is ours alone from its first moment; SQLite gives -wal and -shm the same mode. */
static int create_file(const char *path, struct err *err)
{
	_cleanup_close_ int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0)
		return err_errno(err, errno, "cannot open the store %s", path);
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "cannot stat the store %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "the store %s is not a regular file", path);
	if ((st.st_mode & 077) != 0 && fchmod(fd, 0600) < 0)
		return err_errno(err, errno, "cannot make the store %s private", path);
	return 0;
}

static int set_up(struct store *s, struct err *err)
{
	static const char *const pragmas[] = {
		"PRAGMA journal_mode=WAL",
		"PRAGMA synchronous=FULL",
		"PRAGMA foreign_keys=ON",
		"PRAGMA trusted_schema=OFF",
		"PRAGMA cache_size=-512",
	};
	(void)sqlite3_extended_result_codes(s->db, 1);
	(void)sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
	for (size_t i = 0; i < ARRAY_SIZE(pragmas); i++) {
		int code = sqlite3_exec(s->db, pragmas[i], NULL, NULL, NULL);
		if (code != SQLITE_OK)
			return sql_error(s, code, "use the store", err);
	}
	return 0;
}

static int check_integrity(struct store *s, struct err *err)
{
	static const char sql[] = "PRAGMA quick_check(1)";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	r = sql_step(s, stmt, "check the store", err);
	if (r < 0)
		return r;
	const char *answer = r ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	if (!streq(answer, "ok"))
		return err_set(err, EBADMSG,
			"the database is damaged (%s); restore it from a backup",
			answer ? answer : "no answer");
	return 0;
}

int store_open(const char *path, struct store **ret, struct err *err)
{
	int r = create_file(path, err);
	if (r < 0)
		return r;
	struct store *s = xnew(struct store);
	s->path = xstrdup(path);
	int code = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	r = code == SQLITE_OK ? set_up(s, err) : sql_error(s, code, "open it", err);
	if (r == 0)
		r = check_integrity(s, err);
	if (r == 0)
		r = schema_migrate(s, err);
	if (r < 0) {
		store_close(s);
		(void)err_wrap(err, "store %s", path);
		return r;
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->statement_count; i++)
		(void)sqlite3_finalize(s->statements[i].stmt);
	must(sqlite3_close(s->db) == SQLITE_OK);
	free(s->path);
	free(s);
}
