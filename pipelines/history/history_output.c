/* What tasks wrote, beside their steps (history_list_steps reads it). */
#include "pipelines/history/history_private.h"

#include "support/poison.h"

bool history_set_output(History *history, gint64 step, const char *text, gint64 lost, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  if (!transaction_begin(history, &transaction, error) ||
      !query_prepare(history, "INSERT OR REPLACE INTO output (step, text, lost) VALUES (?, ?, ?)", &query,
                     error))
    return false;
  query_integer(&query, step);
  query_words(&query, text);
  query_integer(&query, lost);
  return query_run(&query, error) && transaction_commit(&transaction, error);
}
