/* What is asked of a long history is answered from indexes: no statement of these goes through a whole table.
 */
#include "fixture.h"

#include "pipelines/history/history_private.h"

TestSuite(plans, .init = folder_make, .fini = folder_remove);

/* "SCAN d USING INDEX deployment_order" is in order and ends at the limit; "SCAN d" where that is a subquery.
 */
static bool goes_through_a_table(const char *step) {
  static const char *const harmless[] = {" USING ", "json_each",     "SCAN (",
                                         "SCAN d",  "sqlite_master", "CONSTANT ROW"};
  if (!g_str_has_prefix(step, "SCAN "))
    return false;
  for (guint i = 0; i < G_N_ELEMENTS(harmless); i++)
    if (strstr(step, harmless[i]) != NULL)
      return false;
  return true;
}

static void explain(History *history, const char *sql) {
  g_autofree char *question = g_strconcat("EXPLAIN QUERY PLAN ", sql, NULL);
  sqlite3_stmt *statement = NULL;
  cr_assert_eq(sqlite3_prepare_v2(history->db, question, -1, &statement, NULL), SQLITE_OK, "%s", sql);
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const char *step = (const char *)sqlite3_column_text(statement, 3);
    cr_expect_not(goes_through_a_table(step), "%s\n  in: %s", step, sql);
    if (g_getenv("SHOW_PLANS") != NULL)
      g_printerr("%s\n", step);
  }
  if (g_getenv("SHOW_PLANS") != NULL)
    g_printerr("    of %s\n", sql);
  sqlite3_finalize(statement);
}

/* What `status`, `history`, `plan`, and a deployment ask. */
static void ask_everything(History *history) {
  g_autoptr(GError) error = NULL;
  GPtrArray *lists[10] = {NULL};
  g_autoptr(GArray) left = NULL, releases = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GPtrArray) uids = g_ptr_array_new();
  gint64 release = add_release(history, "1.0", "abcdef"), step = 0, count = 0;
  bool is_older = false;
  g_autoptr(Deployment) deployment = begin(history, "prod", release);
  g_autoptr(Deployment) read = NULL;
  g_array_append_val(releases, release);
  g_ptr_array_add(uids, deployment->uid);
  assert_works(history_begin_step(history, deployment->id, "web1", "pull", &step, &error));
  assert_works(history_finish_step(history, step, "ok", NULL, &error));
  assert_works(history_set_host(history, deployment->id, deployment->hosts->pdata[0], &error));
  finish(history, deployment, STATUS_SUCCEEDED, 0);
  assert_works(history_get_deployment(history, deployment->id, &read, &error));
  assert_works(history_find_deployments(history, uids, &lists[0], &error));
  assert_works(history_list_deployments(history, "prod", 64, &lists[1], &error));
  assert_works(history_list_deployments(history, NULL, 20, &lists[2], &error));
  assert_works(history_list_deployments_about(history, "prod", releases, &lists[3], &error));
  assert_works(history_list_left_releases(history, "prod", &left, &error));
  assert_works(history_count_ended(history, "prod", &count, &error));
  assert_works(history_list_steps(history, deployment->id, &lists[4], &error));
  assert_works(history_list_releases(history, 20, &lists[5], &error));
  assert_works(history_list_releases_since(history, release, &lists[6], &error));
  assert_works(history_is_older_release(history, release, release, &is_older, &error));
  assert_works(history_list_approvals(history, "prod", 0, &lists[7], &error));
  assert_works(history_list_approvals(history, "prod", release, &lists[8], &error));
  assert_works(history_list_approvals_since(history, "prod", release, &lists[9], &error));
  cr_expect_eq(count, 1);
  cr_expect_eq(lists[3]->len, 1);
  cr_expect_eq(lists[6]->len, 1);
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    g_ptr_array_unref(lists[i]);
}

Test(plans, what_is_asked_of_a_long_history_has_an_index) {
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  ask_everything(history);
  g_autofree gpointer *statements = g_hash_table_get_keys_as_array(history->statements, NULL);
  guint count = 0;
  for (; statements[count] != NULL; count++)
    if (!g_str_has_prefix(statements[count], "PRAGMA"))
      explain(history, statements[count]);
  cr_expect_gt(count, 20);
}
