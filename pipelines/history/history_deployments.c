/* Deployments and their hosts. */
#include "pipelines/history/history_private.h"

#include "support/json.h"
#include "support/poison.h"
#include "support/text.h"

static const char *const kind_names[] = {"deploy", "promote", "rollback", "down"};
static const char *const status_names[] = {"running", "succeeded", "failed", "broken", "interrupted"};
static const char *const host_status_names[] = {"pending", "changed", "unchanged", "restored",
                                                "failed",  "skipped", "unknown"};
static const char *const move_names[] = {"push", "pop", "return", "none"};

const char *deployment_kind_name(DeploymentKind kind) {
  g_assert(kind < G_N_ELEMENTS(kind_names));
  return kind_names[kind];
}

const char *deployment_status_name(DeploymentStatus status) {
  g_assert(status < G_N_ELEMENTS(status_names));
  return status_names[status];
}

const char *stack_move_name(StackMove move) {
  g_assert(move < G_N_ELEMENTS(move_names));
  return move_names[move];
}

static bool find_name(const char *const *names, guint count, const char *text, guint *index) {
  for (guint i = 0; i < count; i++)
    if (g_strcmp0(names[i], text) == 0) {
      *index = i;
      return true;
    }
  return false;
}

bool deployment_kind_parse(const char *name, DeploymentKind *kind) {
  guint index = 0;
  if (!find_name(kind_names, G_N_ELEMENTS(kind_names), name, &index))
    return false;
  *kind = (DeploymentKind)index;
  return true;
}

bool stack_move_parse(const char *name, StackMove *move) {
  guint index = 0;
  if (!find_name(move_names, G_N_ELEMENTS(move_names), name, &index))
    return false;
  *move = (StackMove)index;
  return true;
}

bool host_status_parse(const char *name, HostStatus *status) {
  guint index = 0;
  if (!find_name(host_status_names, G_N_ELEMENTS(host_status_names), name, &index))
    return false;
  *status = (HostStatus)index;
  return true;
}

const char *host_status_name(HostStatus status) {
  g_assert(status < G_N_ELEMENTS(host_status_names));
  return host_status_names[status];
}

Deployment *deployment_new(void) {
  Deployment *deployment = g_new0(Deployment, 1);
  deployment->exit_code = -1;
  deployment->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_host_free);
  return deployment;
}

DeploymentHost *deployment_host_new(const char *name, const char *address) {
  DeploymentHost *host = g_new0(DeploymentHost, 1);
  host->name = g_strdup(name);
  host->address = g_strdup(address);
  return host;
}

void deployment_host_free(DeploymentHost *host) {
  if (host == NULL)
    return;
  g_free(host->name);
  g_free(host->address);
  g_free(host->runs);
  g_free(host->error);
  g_free(host);
}

void deployment_free(Deployment *deployment) {
  if (deployment == NULL)
    return;
  g_free(deployment->uid);
  g_free(deployment->environment);
  g_free(deployment->version);
  g_free(deployment->actor);
  g_free(deployment->reason);
  g_free(deployment->build_url);
  g_free(deployment->config_revision);
  g_free(deployment->images);
  g_free(deployment->content);
  g_free(deployment->snapshot);
  g_free(deployment->message);
  g_free(deployment->controller);
  g_ptr_array_unref(deployment->hosts);
  g_free(deployment);
}

/* ---- writing
 * ----------------------------------------------------------------------------------------------------------
 */

static bool write_host(History *history, gint64 deployment, guint position, const DeploymentHost *host,
                       GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history,
                     "INSERT INTO deployment_host (deployment, position, name, address, status, runs, error)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?)"
                     " ON CONFLICT (deployment, name) DO UPDATE SET address = excluded.address,"
                     " status = excluded.status, runs = excluded.runs, error = excluded.error",
                     &query, error))
    return false;
  query_integer(&query, deployment);
  query_integer(&query, position);
  query_text(&query, host->name);
  query_text(&query, host->address);
  query_text(&query, host_status_name(host->status));
  query_text(&query, host->runs);
  query_words(&query, host->error);
  return query_run(&query, error);
}

static bool write_hosts(History *history, gint64 id, const GPtrArray *hosts, GError **error) {
  for (guint i = 0; i < hosts->len; i++)
    if (!write_host(history, id, i, hosts->pdata[i], error))
      return false;
  return true;
}

/* What bind_row binds, in its order. */
#define ROW                                                                                                  \
  "(uid, started_at, environment, release, kind, restores, leaves, move, actor, reason, build_url,"          \
  " config_revision, forced, config_dirty, touched, images, content, snapshot, message, controller, status," \
  " exit_code, finished_at, sequence)"
#define ROW_VALUES "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

static void bind_row(Query *query, const Deployment *deployment, gint64 sequence) {
  query_text(query, deployment->uid);
  query_integer(query, deployment->started_at);
  query_text(query, deployment->environment);
  query_id(query, deployment->release);
  query_text(query, deployment_kind_name(deployment->kind));
  query_id(query, deployment->restores);
  query_id(query, deployment->leaves);
  query_text(query, stack_move_name(deployment->move));
  query_text(query, deployment->actor);
  query_words(query, deployment->reason);
  query_words(query, deployment->build_url);
  query_text(query, deployment->config_revision);
  query_integer(query, deployment->forced);
  query_integer(query, deployment->config_dirty);
  query_integer(query, deployment->touched);
  query_text(query, deployment->images);
  query_text(query, deployment->content);
  query_text(query, deployment->snapshot);
  query_words(query, deployment->message);
  query_text(query, deployment->controller);
  query_text(query, deployment_status_name(deployment->status));
  query_integer(query, deployment->exit_code);
  query_integer(query, deployment->finished_at);
  query_integer(query, sequence);
}

bool history_insert_deployment(History *history, const Deployment *deployment, gint64 sequence, gint64 *id,
                               GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history, "INSERT INTO deployment " ROW " VALUES " ROW_VALUES, &query, error))
    return false;
  bind_row(&query, deployment, sequence);
  if (!query_run(&query, error))
    return false;
  *id = sqlite3_last_insert_rowid(history->db);
  query_clear(&query);
  return write_hosts(history, *id, deployment->hosts, error);
}

static bool drop_hosts(History *history, gint64 id, GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history, "DELETE FROM deployment_host WHERE deployment = ?", &query, error))
    return false;
  query_integer(&query, id);
  return query_run(&query, error);
}

bool history_replace_deployment(History *history, const Deployment *deployment, gint64 sequence,
                                GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history, "UPDATE deployment SET " ROW " = " ROW_VALUES " WHERE id = ?", &query, error))
    return false;
  bind_row(&query, deployment, sequence);
  query_integer(&query, deployment->id);
  return query_run_one(&query, "deployment d", deployment->id, error) &&
         drop_hosts(history, deployment->id, error) &&
         write_hosts(history, deployment->id, deployment->hosts, error);
}

bool history_begin_deployment(History *history, Deployment *deployment, GError **error) {
  g_autofree char *uid = deployment->uid != NULL ? g_strdup(deployment->uid) : unique_id();
  Deployment row = *deployment;
  row.uid = uid;
  row.started_at = deployment->started_at != 0 ? deployment->started_at : g_get_real_time();
  row.status = STATUS_RUNNING;
  row.exit_code = -1;
  row.finished_at = 0;
  g_auto(Transaction) transaction = {0};
  if (!transaction_begin(history, &transaction, error) ||
      !history_insert_deployment(history, &row, 0, &row.id, error) ||
      !transaction_commit(&transaction, error))
    return false;
  deployment->id = row.id;
  deployment->started_at = row.started_at;
  deployment->status = STATUS_RUNNING;
  deployment->exit_code = -1;
  g_free(deployment->uid);
  deployment->uid = g_steal_pointer(&uid);
  return true;
}

bool history_update_deployment(History *history, const Deployment *deployment, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  if (!transaction_begin(history, &transaction, error) ||
      !query_prepare(
          history,
          "UPDATE deployment SET release = ?, restores = ?, leaves = ?, move = ?, config_revision = ?,"
          " config_dirty = ?, images = ?, content = ?, snapshot = ? WHERE id = ?",
          &query, error))
    return false;
  query_id(&query, deployment->release);
  query_id(&query, deployment->restores);
  query_id(&query, deployment->leaves);
  query_text(&query, stack_move_name(deployment->move));
  query_text(&query, deployment->config_revision);
  query_integer(&query, deployment->config_dirty);
  query_text(&query, deployment->images);
  query_text(&query, deployment->content);
  query_text(&query, deployment->snapshot);
  query_integer(&query, deployment->id);
  return query_run_one(&query, "deployment d", deployment->id, error) &&
         transaction_commit(&transaction, error);
}

static bool next_position(History *history, gint64 deployment, guint *position, GError **error) {
  g_auto(Query) query = {0};
  bool has_row = false;
  if (!query_prepare(history, "SELECT count(*) FROM deployment_host WHERE deployment = ?", &query, error))
    return false;
  query_integer(&query, deployment);
  if (!query_next(&query, &has_row, error))
    return false;
  *position = (guint)column_integer(&query);
  return true;
}

bool history_set_host(History *history, gint64 deployment, const DeploymentHost *host, GError **error) {
  g_auto(Transaction) transaction = {0};
  guint position;
  return transaction_begin(history, &transaction, error) &&
         next_position(history, deployment, &position, error) &&
         write_host(history, deployment, position, host, error) && transaction_commit(&transaction, error);
}

static bool write_outcome(History *history, const Deployment *deployment, GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(
          history,
          "UPDATE deployment SET status = ?, exit_code = ?, finished_at = ?, touched = ?, message = ?,"
          " sequence = " HISTORY_NEXT_SEQUENCE " WHERE id = ?",
          &query, error))
    return false;
  query_text(&query, deployment_status_name(deployment->status));
  query_integer(&query, deployment->exit_code);
  query_integer(&query, deployment->finished_at != 0 ? deployment->finished_at : g_get_real_time());
  query_integer(&query, deployment->touched);
  query_words(&query, deployment->message);
  query_integer(&query, deployment->id);
  return query_run_one(&query, "deployment d", deployment->id, error);
}

bool history_finish_deployment(History *history, const Deployment *deployment, GError **error) {
  g_auto(Transaction) transaction = {0};
  return transaction_begin(history, &transaction, error) && write_outcome(history, deployment, error) &&
         write_hosts(history, deployment->id, deployment->hosts, error) &&
         transaction_commit(&transaction, error);
}

/* ---- reading
 * ----------------------------------------------------------------------------------------------------------
 */

/* A row per host (or one without), in the order that read_deployment and host_from_row read. One query
 * for deployments and hosts together: it is one consistent view, and 100,000 deployments are not 100,000
 * queries. */
#define DEPLOYMENT_COLUMNS 25
#define SELECT_DEPLOYMENTS                                                                                   \
  "SELECT d.id, d.uid, d.environment, d.release, r.version, d.kind, d.status, d.exit_code, d.restores, "     \
  "d.leaves,"                                                                                                \
  " d.move, d.actor, d.reason, d.build_url, d.config_revision, d.forced, d.config_dirty, d.touched, "        \
  "d.started_at,"                                                                                            \
  " d.finished_at, d.images, d.content, d.snapshot, d.message, d.controller,"                                \
  " h.name, h.address, h.status, h.runs, h.error FROM "
#define WITH_HOSTS                                                                                           \
  " d LEFT JOIN release r ON r.id = d.release LEFT JOIN deployment_host h ON h.deployment = d.id "
/* What has not ended comes first, then what ended last: the indexes of deployment are in this order. */
#define ENDED_LAST_FIRST " sequence = 0 DESC, sequence DESC, id DESC"
#define NEWEST_FIRST     " ORDER BY d.sequence = 0 DESC, d.sequence DESC, d.id DESC, h.position"

static bool column_name(Query *query, const char *const *names, guint count, guint *index, GError **error) {
  g_autofree char *text = column_text(query);
  return find_name(names, count, text, index) ||
         history_fail(query->history, error,
                      "\"%s\" is not a word that this slipway knows there; is it too old?",
                      text == NULL ? "" : text);
}

static bool read_deployment(Query *query, Deployment *deployment, GError **error) {
  guint kind = 0, status = 0, move = 0;
  deployment->id = column_integer(query);
  deployment->uid = column_text(query);
  deployment->environment = column_text(query);
  deployment->release = column_integer(query);
  deployment->version = column_text(query);
  if (!column_name(query, kind_names, G_N_ELEMENTS(kind_names), &kind, error) ||
      !column_name(query, status_names, G_N_ELEMENTS(status_names), &status, error))
    return false;
  deployment->kind = (DeploymentKind)kind;
  deployment->status = (DeploymentStatus)status;
  deployment->exit_code = (int)column_integer(query);
  deployment->restores = column_integer(query);
  deployment->leaves = column_integer(query);
  if (!column_name(query, move_names, G_N_ELEMENTS(move_names), &move, error))
    return false;
  deployment->move = (StackMove)move;
  deployment->actor = column_text(query);
  deployment->reason = column_text(query);
  deployment->build_url = column_text(query);
  deployment->config_revision = column_text(query);
  deployment->forced = column_integer(query) != 0;
  deployment->config_dirty = column_integer(query) != 0;
  deployment->touched = column_integer(query) != 0;
  deployment->started_at = column_integer(query);
  deployment->finished_at = column_integer(query);
  deployment->images = column_text(query);
  deployment->content = column_text(query);
  deployment->snapshot = column_text(query);
  deployment->message = column_text(query);
  deployment->controller = column_text(query);
  return true;
}

/* *row is NULL where the deployment has no host. */
static bool host_from_row(Query *query, DeploymentHost **row, GError **error) {
  g_autofree char *name = column_text(query);
  g_autofree char *address = column_text(query);
  guint status = 0;
  *row = NULL;
  if (name == NULL)
    return true;
  if (!column_name(query, host_status_names, G_N_ELEMENTS(host_status_names), &status, error))
    return false;
  DeploymentHost *host = deployment_host_new(name, address);
  host->status = (HostStatus)status;
  host->runs = column_text(query);
  host->error = column_text(query);
  *row = host;
  return true;
}

/* Adds the row's host to the last deployment of `found`, which it starts when the row belongs to another one.
 */
static bool collect_row(Query *query, GPtrArray *found, GError **error) {
  Deployment *last = found->len > 0 ? found->pdata[found->len - 1] : NULL;
  if (last == NULL || last->id != column_integer(query)) {
    query->position = 0;
    last = deployment_new();
    g_ptr_array_add(found, last);
    if (!read_deployment(query, last, error))
      return false;
  }
  query->position = DEPLOYMENT_COLUMNS;
  DeploymentHost *host;
  if (!host_from_row(query, &host, error))
    return false;
  if (host != NULL)
    g_ptr_array_add(last->hosts, host);
  return true;
}

static bool collect_deployments(Query *query, GPtrArray **deployments, GError **error) {
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_free);
  for (;;) {
    bool has_row = false;
    if (!query_next(query, &has_row, error))
      return false;
    if (!has_row)
      break;
    if (!collect_row(query, found, error))
      return false;
  }
  *deployments = g_steal_pointer(&found);
  return true;
}

bool history_get_deployment(History *history, gint64 id, Deployment **deployment, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  g_autoptr(GPtrArray) found = NULL;
  transaction_read(history, &transaction);
  if (!query_prepare(history, SELECT_DEPLOYMENTS "deployment" WITH_HOSTS "WHERE d.id = ?" NEWEST_FIRST,
                     &query, error))
    return false;
  query_integer(&query, id);
  if (!collect_deployments(&query, &found, error))
    return false;
  *deployment = found->len > 0 ? g_ptr_array_steal_index(found, 0) : NULL;
  return true;
}

/* The limit counts deployments, not rows. */
#define NEWEST_OF(condition)                                                                                 \
  SELECT_DEPLOYMENTS "(SELECT * FROM deployment " condition " ORDER BY" ENDED_LAST_FIRST                     \
                     " LIMIT ?1)" WITH_HOSTS NEWEST_FIRST

bool history_list_deployments(History *history, const char *environment, guint limit, GPtrArray **deployments,
                              GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  const char *sql = environment != NULL ? NEWEST_OF("WHERE environment = ?2") : NEWEST_OF("");
  transaction_read(history, &transaction);
  if (!query_prepare(history, sql, &query, error))
    return false;
  query_integer(&query, limit == 0 ? -1 : (gint64)limit);
  if (environment != NULL)
    query_text(&query, environment);
  return collect_deployments(&query, deployments, error);
}

static cJSON *json_of_id(gconstpointer ids, guint index) {
  return cJSON_CreateNumber((double)g_array_index((const GArray *)ids, gint64, index));
}

static cJSON *json_of_uid(gconstpointer uids, guint index) {
  return cJSON_CreateString(((const GPtrArray *)uids)->pdata[index]);
}

/* For json_each: a JSON array of what `item` makes of each. Caller frees. */
static char *list_json(gconstpointer list, guint length, cJSON *(*item)(gconstpointer list, guint index)) {
  g_autoptr(cJSON) json = cJSON_CreateArray();
  for (guint i = 0; i < length; i++)
    cJSON_AddItemToArray(json, item(list, i));
  return json_print(json);
}

#define OF_RELEASES "environment = ?1 AND release IN (SELECT value FROM json_each(?2))"

bool history_list_deployments_about(History *history, const char *environment, const GArray *releases,
                                    GPtrArray **deployments, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  g_autofree char *json = list_json(releases, releases->len, json_of_id);
  transaction_read(history, &transaction);
  if (!query_prepare(history,
                     SELECT_DEPLOYMENTS
                     "deployment" WITH_HOSTS "WHERE d.id IN (SELECT id FROM deployment WHERE " OF_RELEASES
                     " UNION SELECT id FROM deployment WHERE environment = ?1 AND leaves IS NOT NULL"
                     " AND leaves IN (SELECT id FROM deployment WHERE " OF_RELEASES "))" NEWEST_FIRST,
                     &query, error))
    return false;
  query_text(&query, environment);
  query_text(&query, json);
  return collect_deployments(&query, deployments, error);
}

/* CROSS: from the few that left another to that one, never from all that could have been left. */
bool history_list_left_releases(History *history, const char *environment, GArray **releases,
                                GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(gint64));
  transaction_read(history, &transaction);
  if (!query_prepare(history,
                     "SELECT DISTINCT l.release FROM deployment d CROSS JOIN deployment l ON l.id = d.leaves"
                     " WHERE d.environment = ?1 AND d.leaves IS NOT NULL AND l.environment = ?1"
                     " AND l.release IS NOT NULL",
                     &query, error))
    return false;
  query_text(&query, environment);
  for (;;) {
    bool has_row = false;
    if (!query_next(&query, &has_row, error))
      return false;
    if (!has_row)
      break;
    const gint64 release = column_integer(&query);
    g_array_append_val(found, release);
  }
  *releases = g_steal_pointer(&found);
  return true;
}

bool history_count_ended(History *history, const char *environment, gint64 *count, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  bool has_row = false;
  transaction_read(history, &transaction);
  if (!query_prepare(history, "SELECT count(*) FROM deployment WHERE environment = ? AND (sequence = 0) = 0",
                     &query, error))
    return false;
  query_text(&query, environment);
  if (!query_next(&query, &has_row, error))
    return false;
  *count = column_integer(&query);
  return true;
}

bool history_find_deployments(History *history, const GPtrArray *uids, GPtrArray **deployments,
                              GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  g_autofree char *json = list_json(uids, uids->len, json_of_uid);
  transaction_read(history, &transaction);
  if (!query_prepare(history,
                     SELECT_DEPLOYMENTS "deployment" WITH_HOSTS
                                        "WHERE d.uid IN (SELECT value FROM json_each(?))" NEWEST_FIRST,
                     &query, error))
    return false;
  query_text(&query, json);
  return collect_deployments(&query, deployments, error);
}
