/* Talking to SQLite: errors that say what to do, transactions, and statements that are prepared once. */
#include "pipelines/history/history_private.h"

#include "support/errors.h"
#include "support/poison.h"
#include "support/redact.h"

#include <sys/stat.h>

#define REBUILD                                                                                              \
  "move it away (its -wal and -shm too); then `slipway history import ENV` makes a new one from what the "   \
  "hosts know, or put a backup in its place"

typedef struct {
  int code; /* primary result code */
  const char *advice;
} Advice;

static const Advice advices[] = {
    {SQLITE_CORRUPT, "the file is damaged: " REBUILD},
    {SQLITE_NOTADB, "this is not a slipway history, or its beginning is damaged: name another file with "
                    "--history, or " REBUILD},
    {SQLITE_FULL, "the disk is full: free some space there and run the command again"},
    {SQLITE_IOERR, "see to the disk (full? failing?) and run the command again"},
    {SQLITE_BUSY,
     "another slipway kept the file locked for too long: see what it does, then run the command again"},
    {SQLITE_CANTOPEN, "see to the permissions of the file and its folder"},
    {SQLITE_READONLY, "this user must be allowed to write the file and its folder"},
    {SQLITE_PERM, "this user must be allowed to read and write the file and its folder"},
};

bool history_fail_sqlite(const History *history, int code, GError **error) {
  const char *advice = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(advices); i++)
    if (advices[i].code == (code & 0xff))
      advice = advices[i].advice;
  const char *reason = history->db != NULL ? sqlite3_errmsg(history->db) : sqlite3_errstr(code);
  return fail(error, SLIPWAY_ERROR_STORE, "history %s: %s%s%s", history->path, reason,
              advice == NULL ? "" : "; ", advice == NULL ? "" : advice);
}

/* `found`: what SQLite's own check says of it. */
bool history_fail_damaged(const History *history, const char *found, GError **error) {
  g_autofree char *line = found != NULL ? g_strdelimit(g_strdup(found), "\n", ' ') : NULL;
  return history_fail(history, error, "the file is damaged (%s): " REBUILD, line != NULL ? line : "?");
}

bool history_fail(const History *history, GError **error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *message = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  return fail(error, SLIPWAY_ERROR_STORE, "history %s: %s", history->path, message);
}

bool history_execute(History *history, const char *sql, GError **error) {
  int code = sqlite3_exec(history->db, sql, NULL, NULL, NULL);
  return code == SQLITE_OK || history_fail_sqlite(history, code, error);
}

bool history_pragma(History *history, const char *sql, char **value, GError **error) {
  g_auto(Query) query = {0};
  bool has_row = false;
  if (!query_prepare(history, sql, &query, error) || !query_next(&query, &has_row, error))
    return false;
  *value = has_row ? column_text(&query) : NULL;
  return true;
}

/* SQLite goes on writing to a file that was moved away or deleted, where nobody will look. */
static bool check_identity(const History *history, GError **error) {
  struct stat about;
  if (!history->is_known ||
      (stat(history->file, &about) == 0 && about.st_dev == history->device && about.st_ino == history->inode))
    return true;
  return history_fail(history, error, "the file was moved away, deleted or replaced while slipway ran");
}

bool transaction_begin(History *history, Transaction *transaction, GError **error) {
  transaction_read(history, transaction);
  transaction->is_open = transaction->is_inside || (check_identity(history, error) &&
                                                    history_execute(history, "BEGIN IMMEDIATE", error));
  return transaction->is_open;
}

bool transaction_commit(Transaction *transaction, GError **error) {
  if (!transaction->is_inside && !history_execute(transaction->history, "COMMIT", error))
    return false;
  transaction->is_open = false;
  return true;
}

void transaction_read(History *history, Transaction *transaction) {
  transaction->is_inside = g_atomic_pointer_get(&history->owner) == g_thread_self();
  if (!transaction->is_inside)
    g_mutex_lock(&history->mutex);
  transaction->history = history;
}

void transaction_clear(Transaction *transaction) {
  History *history = g_steal_pointer(&transaction->history);
  if (history == NULL || transaction->is_inside)
    return;
  /* A full disk rolls back by itself; then there is nothing left to do. */
  if (transaction->is_open && sqlite3_get_autocommit(history->db) == 0)
    sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
  g_mutex_unlock(&history->mutex);
}

bool history_begin_transaction(History *history, HistoryTransaction *transaction, GError **error) {
  if (!transaction_begin(history, transaction, error))
    return false;
  if (!transaction->is_inside)
    g_atomic_pointer_set(&history->owner, g_thread_self());
  return true;
}

bool history_commit_transaction(HistoryTransaction *transaction, GError **error) {
  return transaction_commit(transaction, error);
}

void history_clear_transaction(HistoryTransaction *transaction) {
  if (transaction->history != NULL && !transaction->is_inside)
    g_atomic_pointer_set(&transaction->history->owner, NULL);
  transaction_clear(transaction);
}

bool query_prepare(History *history, const char *sql, Query *query, GError **error) {
  sqlite3_stmt *statement = g_hash_table_lookup(history->statements, sql);
  if (statement == NULL) {
    int code = sqlite3_prepare_v3(history->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (code != SQLITE_OK)
      return history_fail_sqlite(history, code, error);
    g_hash_table_insert(history->statements, g_strdup(sql), statement);
  }
  g_assert(!sqlite3_stmt_busy(statement));
  *query = (Query){.history = history, .statement = statement};
  return true;
}

void query_clear(Query *query) {
  if (query->statement == NULL)
    return;
  sqlite3_reset(query->statement);
  sqlite3_clear_bindings(query->statement);
  query->statement = NULL;
}

static void bound(int code) {
  g_assert(code == SQLITE_OK);
}

void query_text(Query *query, const char *text) {
  bound(sqlite3_bind_text(query->statement, ++query->position, text, -1, SQLITE_STATIC));
}

void query_words(Query *query, const char *text) {
  bound(sqlite3_bind_text(query->statement, ++query->position, redact_text(text), -1, g_free));
}

void query_integer(Query *query, gint64 number) {
  bound(sqlite3_bind_int64(query->statement, ++query->position, number));
}

void query_id(Query *query, gint64 id) {
  if (id == 0)
    bound(sqlite3_bind_null(query->statement, ++query->position));
  else
    query_integer(query, id);
}

void query_bytes(Query *query, GBytes *bytes) {
  gsize length;
  const void *data = g_bytes_get_data(bytes, &length);
  /* A NULL pointer would be bound as NULL: an empty blob has one that is not. */
  bound(sqlite3_bind_blob64(query->statement, ++query->position, data == NULL ? "" : data, length,
                            SQLITE_STATIC));
}

bool query_next(Query *query, bool *has_row, GError **error) {
  int code = sqlite3_step(query->statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    return history_fail_sqlite(query->history, code, error);
  query->position = 0;
  *has_row = code == SQLITE_ROW;
  return true;
}

bool query_list(Query *query, gpointer (*from_row)(Query *query), GDestroyNotify free, GPtrArray **rows,
                GError **error) {
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(free);
  for (;;) {
    bool has_row = false;
    if (!query_next(query, &has_row, error))
      return false;
    if (!has_row)
      break;
    g_ptr_array_add(found, from_row(query));
  }
  *rows = g_steal_pointer(&found);
  return true;
}

bool query_run(Query *query, GError **error) {
  bool has_row = false;
  return query_next(query, &has_row, error);
}

bool query_run_one(Query *query, const char *what, gint64 id, GError **error) {
  if (!query_run(query, error))
    return false;
  if (sqlite3_changes(query->history->db) != 1)
    return history_fail(query->history, error, "there is no %s%" G_GINT64_FORMAT, what, id);
  return true;
}

char *column_text(Query *query) {
  return g_strdup((const char *)sqlite3_column_text(query->statement, query->position++));
}

gint64 column_integer(Query *query) {
  return sqlite3_column_int64(query->statement, query->position++);
}

GBytes *column_bytes(Query *query) {
  int column = query->position++;
  const void *bytes = sqlite3_column_blob(query->statement, column);
  return g_bytes_new(bytes, (gsize)sqlite3_column_bytes(query->statement, column));
}

void column_skip(Query *query, int count) {
  query->position += count;
}
