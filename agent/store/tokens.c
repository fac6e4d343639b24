/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of API tokens. Only the SHA-256 of a token is kept, so that a copy of the store lets
 * nobody in. Expiry is the caller's to judge; finding a token notes when it was used.
 */
#include "agent/store/sql.h"

#include <errno.h>

#include "lib/base/clock.h"

#define COLUMNS "id, name, scope, created_ms, expires_ms, used_ms"
/* A token that is used all the time need not be written all the time. */
#define USED_RESOLUTION_MS 60000

void token_row_clear(struct token_row *t)
{
	free(t->name);
	memset(t, 0, sizeof *t);
}

static void read_row(sqlite3_stmt *stmt, struct token_row *row)
{
	sql_text_into(stmt, 0, row->id, sizeof row->id);
	row->name = sql_text(stmt, 1);
	sql_text_into(stmt, 2, row->scope, sizeof row->scope);
	row->created_ms = sqlite3_column_int64(stmt, 3);
	row->expires_ms = sqlite3_column_int64(stmt, 4);
	row->used_ms = sqlite3_column_int64(stmt, 5);
}

int store_token_add(
	struct store *s, const struct token_row *t, const char *sha256_hex, struct err *err)
{
	static const char sql[] = "INSERT INTO tokens (id, sha256, name, scope, created_ms,"
				  " expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, t->id);
	sql_bind_text(stmt, 2, sha256_hex);
	sql_bind_text(stmt, 3, t->name ? t->name : "");
	sql_bind_text(stmt, 4, t->scope);
	sql_bind_int(stmt, 5, t->created_ms ? t->created_ms : clock_wall_ms());
	sql_bind_int(stmt, 6, t->expires_ms);
	return sql_run(s, stmt, "add the token", err);
}

static void touch(struct store *s, const char *id, int64_t now_ms)
{
	static const char sql[] = "UPDATE tokens SET used_ms = ?2 WHERE id = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	if (sql_prepare(s, sql, &stmt, NULL) < 0)
		return;
	sql_bind_text(stmt, 1, id);
	sql_bind_int(stmt, 2, now_ms);
	/* Knowing when is a courtesy; a full disk must not lock the owner out. */
	(void)sql_run(s, stmt, "note the token's use", NULL);
}

static int find(struct store *s, const char *sha256_hex, struct token_row *ret, struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM tokens WHERE sha256 = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, sha256_hex);
	r = sql_step(s, stmt, "look up the token", err);
	if (r == 0)
		return err_set(err, ENOENT, "the token is not known here");
	if (r < 0)
		return r;
	read_row(stmt, ret);
	return 0;
}

int store_token_find(
	struct store *s, const char *sha256_hex, struct token_row *ret, struct err *err)
{
	int r = find(s, sha256_hex, ret, err);
	if (r < 0)
		return r;
	int64_t now = clock_wall_ms();
	if (now - ret->used_ms >= USED_RESOLUTION_MS || now < ret->used_ms)
		touch(s, ret->id, now);
	return 0;
}

int store_token_list(struct store *s, struct token_row **ret, size_t *ret_count, struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM tokens ORDER BY created_ms, id";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	void *rows = NULL;
	size_t count = 0;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	while ((r = sql_step(s, stmt, "list the tokens", err)) > 0)
		read_row(stmt, sql_grow(&rows, &count, sizeof(struct token_row)));
	if (r < 0) {
		for (size_t i = 0; i < count; i++)
			token_row_clear((struct token_row *)rows + i);
		free(rows);
		return r;
	}
	*ret = rows;
	*ret_count = count;
	return 0;
}

int store_token_remove(struct store *s, const char *id, struct err *err)
{
	static const char sql[] = "DELETE FROM tokens WHERE id = ?1";
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, sql, &stmt, err);
	if (r < 0)
		return r;
	sql_bind_text(stmt, 1, id);
	r = sql_run(s, stmt, "remove the token", err);
	if (r == 0 && sql_changes(s) == 0)
		return err_set(err, ENOENT, "there is no token %s", id);
	return r;
}
