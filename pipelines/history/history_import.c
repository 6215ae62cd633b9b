/* Taking in deployments that another history made, in their place. */
#include "pipelines/history/history_private.h"

#include "support/poison.h"

/* The first column of the first row; 0 when there is none. */
static bool read_id(History *history, const char *sql, const char *uid, gint64 *id, GError **error) {
  g_auto(Query) query = {0};
  bool has_row = false;
  *id = 0;
  if (uid == NULL)
    return true;
  if (!query_prepare(history, sql, &query, error))
    return false;
  query_text(&query, uid);
  if (!query_next(&query, &has_row, error))
    return false;
  *id = has_row ? column_integer(&query) : 0;
  return true;
}

static bool find_id(History *history, const char *uid, gint64 *id, GError **error) {
  return read_id(history, "SELECT id FROM deployment WHERE uid = ?", uid, id, error);
}

static bool read_number(History *history, const char *sql, gint64 id, gint64 *number, GError **error) {
  g_auto(Query) query = {0};
  bool has_row = false;
  if (!query_prepare(history, sql, &query, error))
    return false;
  query_id(&query, id);
  if (!query_next(&query, &has_row, error))
    return false;
  *number = has_row ? column_integer(&query) : 0;
  return true;
}

/* Takes the place of `before`, which moves up with all that ended after it. */
static bool make_place(History *history, gint64 sequence, GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history, "UPDATE deployment SET sequence = sequence + 1 WHERE sequence >= ?", &query,
                     error))
    return false;
  query_integer(&query, sequence);
  return query_run(&query, error);
}

static bool choose_sequence(History *history, const DeploymentImport *import, gint64 *sequence,
                            GError **error) {
  *sequence = 0;
  if (import->deployment->status == STATUS_RUNNING)
    return true;
  if (!read_number(history, "SELECT sequence FROM deployment WHERE id = ?", import->before, sequence, error))
    return false;
  if (*sequence != 0)
    return make_place(history, *sequence, error);
  return read_number(history, "SELECT " HISTORY_NEXT_SEQUENCE " WHERE ?1 IS ?1", 0, sequence, error);
}

static bool fill_in(History *history, DeploymentImport *import, gint64 *sequence, GError **error) {
  Deployment *deployment = import->deployment;
  if (import->release != NULL && !history_import_release(history, import->release, error))
    return false;
  deployment->release = import->release != NULL ? import->release->id : 0;
  g_free(deployment->version);
  deployment->version = import->release != NULL ? g_strdup(import->release->version) : NULL;
  return find_id(history, import->restores, &deployment->restores, error) &&
         find_id(history, import->leaves, &deployment->leaves, error) &&
         choose_sequence(history, import, sequence, error);
}

static bool record(History *history, DeploymentImport *import, GError **error) {
  gint64 sequence = 0;
  return fill_in(history, import, &sequence, error) &&
         history_insert_deployment(history, import->deployment, sequence, &import->deployment->id, error);
}

/* Where the hosts lost the configuration, and tell that it was this very one. */
static bool keep_snapshot(History *history, Deployment *deployment, GError **error) {
  g_auto(Query) query = {0};
  bool has_row = false;
  if (deployment->snapshot != NULL || deployment->content == NULL)
    return true;
  if (!query_prepare(history, "SELECT snapshot FROM deployment WHERE id = ? AND content = ?", &query, error))
    return false;
  query_integer(&query, deployment->id);
  query_text(&query, deployment->content);
  if (!query_next(&query, &has_row, error))
    return false;
  deployment->snapshot = has_row ? column_text(&query) : NULL;
  return true;
}

/* What only vouched for its release turns out to be a part of this environment's own past: what was deployed
 * there the hosts know better than whoever wrote the file. */
static bool take_place(History *history, DeploymentImport *import, GError **error) {
  gint64 sequence = 0;
  return fill_in(history, import, &sequence, error) && keep_snapshot(history, import->deployment, error) &&
         history_replace_deployment(history, import->deployment, sequence, error);
}

static bool only_vouches(History *history, gint64 id, bool *is_so, GError **error) {
  gint64 count = 0;
  if (!read_number(history, "SELECT count(*) FROM deployment WHERE id = ? AND move = 'none'", id, &count,
                   error))
    return false;
  *is_so = count > 0;
  return true;
}

bool history_import_deployment(History *history, DeploymentImport *import, bool *existed, GError **error) {
  g_auto(Transaction) transaction = {0};
  gint64 id = 0;
  bool is_vouching = false;
  if (!transaction_begin(history, &transaction, error) ||
      !find_id(history, import->deployment->uid, &id, error))
    return false;
  if (id == 0) {
    *existed = false;
    return record(history, import, error) && transaction_commit(&transaction, error);
  }
  if (!only_vouches(history, id, &is_vouching, error))
    return false;
  import->deployment->id = id;
  *existed =
      !is_vouching || import->deployment->move == MOVE_NONE || import->deployment->status == STATUS_RUNNING;
  return *existed || (take_place(history, import, error) && transaction_commit(&transaction, error));
}

bool history_take_release(History *history, Release *release, GError **error) {
  g_auto(Transaction) transaction = {0};
  return transaction_begin(history, &transaction, error) && history_import_release(history, release, error) &&
         transaction_commit(&transaction, error);
}
