/* Holds: who keeps deployments away from an environment, since when, why, and who lifted that. */
#include "pipelines/history/history_private.h"

#include "support/poison.h"

#define COLUMNS "id, environment, reason, actor, since, lifted_at, lifted_by"

void hold_free(Hold *hold) {
  if (hold == NULL)
    return;
  g_free(hold->environment);
  g_free(hold->reason);
  g_free(hold->actor);
  g_free(hold->lifted_by);
  g_free(hold);
}

static gpointer hold_from_row(Query *query) {
  Hold *hold = g_new0(Hold, 1);
  hold->id = column_integer(query);
  hold->environment = column_text(query);
  hold->reason = column_text(query);
  hold->actor = column_text(query);
  hold->since = column_integer(query);
  hold->lifted_at = column_integer(query);
  hold->lifted_by = column_text(query);
  return hold;
}

/* Inside a transaction. */
static bool read_hold(History *history, const char *environment, Hold **hold, GError **error) {
  g_auto(Query) query = {0};
  bool has_row = false;
  if (!query_prepare(history,
                     "SELECT " COLUMNS " FROM hold WHERE environment = ? AND lifted_at = 0"
                     " ORDER BY id DESC LIMIT 1",
                     &query, error))
    return false;
  query_text(&query, environment);
  if (!query_next(&query, &has_row, error))
    return false;
  *hold = has_row ? hold_from_row(&query) : NULL;
  return true;
}

static bool insert_hold(History *history, const char *environment, const char *reason, const char *actor,
                        GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history,
                     "INSERT INTO hold (environment, reason, actor, since, lifted_at) VALUES (?, ?, ?, ?, 0)",
                     &query, error))
    return false;
  query_text(&query, environment);
  query_words(&query, reason);
  query_text(&query, actor);
  query_integer(&query, g_get_real_time());
  return query_run(&query, error);
}

bool history_add_hold(History *history, const char *environment, const char *reason, const char *actor,
                      Hold **hold, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_autoptr(Hold) added = NULL;
  if (!transaction_begin(history, &transaction, error) ||
      !insert_hold(history, environment, reason, actor, error) ||
      !read_hold(history, environment, &added, error) || !transaction_commit(&transaction, error))
    return false;
  if (hold != NULL)
    *hold = g_steal_pointer(&added);
  return true;
}

bool history_get_hold(History *history, const char *environment, Hold **hold, GError **error) {
  g_auto(Transaction) transaction = {0};
  transaction_read(history, &transaction);
  return read_hold(history, environment, hold, error);
}

static bool update_holds(History *history, const char *environment, const char *actor, GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history,
                     "UPDATE hold SET lifted_at = ?, lifted_by = ? WHERE environment = ? AND lifted_at = 0",
                     &query, error))
    return false;
  query_integer(&query, g_get_real_time());
  query_text(&query, actor);
  query_text(&query, environment);
  return query_run(&query, error);
}

bool history_lift_holds(History *history, const char *environment, const char *actor, Hold **lifted,
                        GError **error) {
  g_auto(Transaction) transaction = {0};
  g_autoptr(Hold) hold = NULL;
  if (!transaction_begin(history, &transaction, error) || !read_hold(history, environment, &hold, error) ||
      !update_holds(history, environment, actor, error) || !transaction_commit(&transaction, error))
    return false;
  *lifted = g_steal_pointer(&hold);
  return true;
}

bool history_list_holds(History *history, const char *environment, guint limit, GPtrArray **holds,
                        GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  transaction_read(history, &transaction);
  if (!query_prepare(history,
                     "SELECT " COLUMNS " FROM hold WHERE environment = coalesce(?, environment)"
                     " ORDER BY id DESC LIMIT ?",
                     &query, error))
    return false;
  query_text(&query, environment);
  query_integer(&query, limit == 0 ? -1 : (gint64)limit);
  return query_list(&query, hold_from_row, (GDestroyNotify)hold_free, holds, error);
}
