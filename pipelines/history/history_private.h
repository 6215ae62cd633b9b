/* What the history's own files share: the connection, transactions, and queries whose values and columns go
 * in order. */
#pragma once

#include "pipelines/history/history.h"

#include <sqlite3.h>
#include <sys/types.h>

struct History {
  char *path; /* as given: what errors say */
  char *file; /* absolute: what SQLite opens */
  char *note;
  int busy_timeout_ms; /* how long another process may keep the file */
  bool is_known;       /* opened for writing: the file is device and inode, as long as it is the same */
  dev_t device;
  ino_t inode;
  sqlite3 *db;
  GMutex mutex;           /* one thread at a time on db and statements */
  GThread *owner;         /* atomic: who began a HistoryTransaction, and holds the mutex; NULL: nobody */
  GHashTable *statements; /* SQL -> sqlite3_stmt, prepared once */
};

/* history_open with the question about the file system, and its patience, answered by the caller. */
bool history_open_on(const char *path, HistoryMode mode, const char *network_file_system, int busy_timeout_ms,
                     History **history, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The name of a network (or FUSE) file system by its statfs(2) type, or NULL: WAL needs memory shared by all
 * its users. */
const char *network_file_system_name(unsigned long type);

/* All of a long file was found well at `checked` (0: not known), and that need not be asked again yet.
 * `boot`: when the machine started. */
bool history_check_holds(gint64 checked, gint64 now, gint64 boot);

/* Creates or updates the tables; nothing when they are up to date. Takes the write lock itself. */
bool history_migrate(History *history, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whose file it is and how old: refuses those of others and of newer versions. */
bool history_check_version(History *history, bool *is_current, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- errors: false, SLIPWAY_ERROR_STORE with the path, SQLite's reason and what to do
 * -------------------------------- */
bool history_fail_sqlite(const History *history, int code, GError **error);
bool history_fail_damaged(const History *history, const char *found, GError **error);
bool history_fail(const History *history, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

bool history_execute(History *history, const char *sql, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool history_pragma(History *history, const char *sql, char **value,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- transactions
 * ----------------------------------------------------------------------------------------------------
 *
 *   g_auto(Transaction) transaction = {0};
 *   if (!transaction_begin(history, &transaction, error))
 *     return false;
 *   …                                               // returning here rolls back
 *   return transaction_commit(&transaction, error);
 */
typedef HistoryTransaction Transaction;
bool transaction_begin(History *history, Transaction *transaction, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool transaction_commit(Transaction *transaction, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Reading what one query answers needs the lock only. */
void transaction_read(History *history, Transaction *transaction);
void transaction_clear(Transaction *transaction);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Transaction, transaction_clear)

/* ---- queries: inside a transaction only
 * ------------------------------------------------------------------------------ */
typedef struct {
  History *history;
  sqlite3_stmt *statement; /* borrowed from history->statements */
  int position;            /* of the next value, then of the next column */
} Query;
bool query_prepare(History *history, const char *sql, Query *query, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void query_clear(Query *query);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Query, query_clear)

/* The next value; borrowed until the query is cleared. */
void query_text(Query *query, const char *text); /* NULL: NULL */
/* The same for what people, programs and hosts say: secret values are hidden (redact.h). Never for what is
 * looked up or rolled back to. */
void query_words(Query *query, const char *text);
void query_integer(Query *query, gint64 number);
void query_id(Query *query, gint64 id); /* 0: NULL */
void query_bytes(Query *query, GBytes *bytes);
/* A statement without rows; query_run_one fails unless it changed one row, `what` (with its number) says
 * which. */
bool query_run(Query *query, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool query_run_one(Query *query, const char *what, gint64 id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Steps to the next row, and to its first column. */
bool query_next(Query *query, bool *has_row, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Every row that is left, as `from_row` makes it; *rows gets `free` as its free function. */
bool query_list(Query *query, gpointer (*from_row)(Query *query), GDestroyNotify free, GPtrArray **rows,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The next column. */
char *column_text(Query *query);     /* caller frees; NULL for NULL */
gint64 column_integer(Query *query); /* 0 for NULL */
GBytes *column_bytes(Query *query);
void column_skip(Query *query, int count);

/* ---- rows that several files write: inside a transaction only
 * ------------------------------------------------------------------------------ */

/* What releases are ordered by: when they were made, in this history or in another. */
#define AGE(release) release ".created_at, " release ".uid"
/* What a deployment that ends now gets: the order in which deployments ended, over all environments. */
#define HISTORY_NEXT_SEQUENCE                                                                                \
  "(SELECT coalesce(max(sequence), 0) + 1 FROM deployment WHERE (sequence = 0) = 0)"
/* As it is, with its hosts; its own id is not used. sequence 0: it has not ended. */
bool history_insert_deployment(History *history, const Deployment *deployment, gint64 sequence, gint64 *id,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The recorded one of that id becomes what this one is, its hosts too. */
bool history_replace_deployment(History *history, const Deployment *deployment, gint64 sequence,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Finds or makes the release that `release` of another history is here, and fills in its id and version. */
bool history_import_release(History *history, Release *release, GError **error) G_GNUC_WARN_UNUSED_RESULT;
