/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the store share: statements that are prepared once, and errors with words.
 * Private to agent/store; nobody else includes sqlite3.h.
 */
#ifndef BERTH_AGENT_STORE_SQL_H
#define BERTH_AGENT_STORE_SQL_H

#include <sqlite3.h>

#include "agent/store/store.h"

#define STORE_STATEMENTS_MAX 64

struct store {
	sqlite3 *db;
	char *path;
	/* Prepared statements by the address of their text: each is written once, in one file. */
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} statements[STORE_STATEMENTS_MAX];
	size_t statement_count;
};

/* Brings the schema to this program's version, in one transaction; refuses a newer one. */
int schema_migrate(struct store *s, struct err *err);

/* A statement ready for binding; `sql` must be a string constant. The caller resets it (sql_done). */
int sql_prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct err *err);

static inline void sql_donep(sqlite3_stmt **stmt)
{
	if (*stmt) {
		(void)sqlite3_reset(*stmt);
		(void)sqlite3_clear_bindings(*stmt);
	}
}
#define _cleanup_stmt_ _cleanup_(sql_donep)

/* Binding cannot fail but by a wrong index, or by memory: both end the program. The text must live
 * until the statement is reset. NULL binds NULL. */
void sql_bind_text(sqlite3_stmt *stmt, int index, const char *text);
void sql_bind_int(sqlite3_stmt *stmt, int index, int64_t value);

/* One step: 1 a row is there, 0 done, or -errno with words ("cannot <what>: disk is full"). */
int sql_step(struct store *s, sqlite3_stmt *stmt, const char *what, struct err *err);
/* The step of a statement that changes things: 0 or -errno. *ret_changed may be NULL. */
int sql_run(struct store *s, sqlite3_stmt *stmt, const char *what, struct err *err);
int sql_changes(struct store *s);

/* A column's text, copied; NULL for NULL. sql_text_into() needs room for it: must(). */
char *sql_text(sqlite3_stmt *stmt, int column);
void sql_text_into(sqlite3_stmt *stmt, int column, char *to, size_t size);

/* Several statements as one inside a function of the store, whether or not the caller has begun a
 * transaction. sql_leave() commits or takes back according to r, and returns the result. */
int sql_enter(struct store *s, bool *ret_own, struct err *err);
int sql_leave(struct store *s, bool own, int r, struct err *err);

/* Grows an array of rows by one zeroed row and returns it. */
void *sql_grow(void **rows, size_t *count, size_t size);

#endif
