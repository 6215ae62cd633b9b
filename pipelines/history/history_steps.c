/* The steps of deployments: written before their effect, completed after it. */
#include "pipelines/history/history_private.h"

#include "support/poison.h"

void deployment_step_free(DeploymentStep *step) {
  if (step == NULL)
    return;
  g_free(step->host);
  g_free(step->step);
  g_free(step->status);
  g_free(step->detail);
  g_free(step->output);
  g_free(step);
}

bool history_begin_step(History *history, gint64 deployment, const char *host, const char *step, gint64 *id,
                        GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  if (!transaction_begin(history, &transaction, error) ||
      !query_prepare(history,
                     "INSERT INTO step (deployment, host, step, started_at, status, finished_at)"
                     " VALUES (?, ?, ?, ?, 'running', 0)",
                     &query, error))
    return false;
  query_integer(&query, deployment);
  query_text(&query, host);
  query_text(&query, step);
  query_integer(&query, g_get_real_time());
  if (!query_run(&query, error))
    return false;
  gint64 inserted = sqlite3_last_insert_rowid(history->db);
  if (!transaction_commit(&transaction, error))
    return false;
  *id = inserted;
  return true;
}

bool history_finish_step(History *history, gint64 id, const char *status, const char *detail,
                         GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  if (!transaction_begin(history, &transaction, error) ||
      !query_prepare(history, "UPDATE step SET status = ?, detail = ?, finished_at = ? WHERE id = ?", &query,
                     error))
    return false;
  query_text(&query, status);
  query_words(&query, detail);
  query_integer(&query, g_get_real_time());
  query_integer(&query, id);
  return query_run_one(&query, "step ", id, error) && transaction_commit(&transaction, error);
}

static gpointer step_from_row(Query *query) {
  DeploymentStep *step = g_new0(DeploymentStep, 1);
  step->id = column_integer(query);
  step->deployment = column_integer(query);
  step->host = column_text(query);
  step->step = column_text(query);
  step->status = column_text(query);
  step->started_at = column_integer(query);
  step->finished_at = column_integer(query);
  step->detail = column_text(query);
  step->output = column_text(query);
  step->lost = column_integer(query);
  return step;
}

bool history_list_steps(History *history, gint64 deployment, GPtrArray **steps, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  transaction_read(history, &transaction);
  if (!query_prepare(
          history,
          "SELECT id, deployment, host, step.step, status, started_at, finished_at, detail, text, lost"
          " FROM step LEFT JOIN output ON output.step = step.id WHERE deployment = ? ORDER BY id",
          &query, error))
    return false;
  query_integer(&query, deployment);
  return query_list(&query, step_from_row, (GDestroyNotify)deployment_step_free, steps, error);
}
