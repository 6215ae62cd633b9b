/* Configuration snapshots, named by their content. */
#include "pipelines/history/history_private.h"

#include "support/poison.h"

bool history_put_blob(History *history, const char *sha256, GBytes *bytes, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  if (!transaction_begin(history, &transaction, error) ||
      !query_prepare(history, "INSERT INTO blob (sha256, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING", &query,
                     error))
    return false;
  query_text(&query, sha256);
  query_bytes(&query, bytes);
  return query_run(&query, error) && transaction_commit(&transaction, error);
}

bool history_get_blob(History *history, const char *sha256, GBytes **bytes, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  bool has_row = false;
  transaction_read(history, &transaction);
  if (!query_prepare(history, "SELECT bytes FROM blob WHERE sha256 = ?", &query, error))
    return false;
  query_text(&query, sha256);
  if (!query_next(&query, &has_row, error))
    return false;
  *bytes = has_row ? column_bytes(&query) : NULL;
  return true;
}
