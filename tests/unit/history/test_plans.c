/* What is asked of a long history is answered from indexes: no statement of these goes through a whole table.
 */
#include "fixture.h"

#include "pipelines/history/history_private.h"

TestSuite(plans, .init = folder_make, .fini = folder_remove);

/* In order, until the statement's LIMIT ends it. */
static bool ends_at_the_limit(const char *step, const char *sql) {
  return strstr(sql, "LIMIT") != NULL &&
         g_regex_match_simple("^(SCAN deployment USING (COVERING )?INDEX deployment_order"
                              "|SCAN release USING (COVERING )?INDEX release_age"
                              "|SEARCH deployment USING (COVERING )?INDEX deployment_environment"
                              " \\(environment=\\?\\))$",
                              step, 0, 0);
}

/* `is_made`: what the statement calls d is the few rows of a subquery. */
static bool is_of_few(const char *step, bool is_made) {
  return g_regex_match_simple("^SCAN (json_each |CONSTANT ROW|\\(|sqlite_master$|sqlite_schema$)", step, 0,
                              0) ||
         (is_made && g_str_equal(step, "SCAN d"));
}

/* All rows, or all of an environment. */
static bool goes_through_a_table(const char *step) {
  return g_str_has_prefix(step, "SCAN ") ||
         g_regex_match_simple("^SEARCH (d|deployment) .*\\(environment=\\?\\)$", step, 0, 0);
}

/* How many of its steps do; each is printed when it is asked for. */
static guint walks_in(History *history, const char *sql, bool is_said) {
  g_autofree char *question = g_strconcat("EXPLAIN QUERY PLAN ", sql, NULL);
  sqlite3_stmt *statement = NULL;
  bool is_made = false;
  guint walks = 0;
  cr_assert_eq(sqlite3_prepare_v2(history->db, question, -1, &statement, NULL), SQLITE_OK, "%s", sql);
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const char *step = (const char *)sqlite3_column_text(statement, 3);
    is_made = is_made || g_str_equal(step, "CO-ROUTINE d") || g_str_equal(step, "MATERIALIZE d");
    if (!goes_through_a_table(step) || is_of_few(step, is_made) || ends_at_the_limit(step, sql))
      continue;
    walks++;
    if (is_said)
      g_printerr("%s\n  in: %s\n", step, sql);
  }
  sqlite3_finalize(statement);
  return walks;
}

static guint walks_in_all(History *history, bool is_said) {
  g_autofree gpointer *statements = g_hash_table_get_keys_as_array(history->statements, NULL);
  guint walks = 0;
  for (guint i = 0; statements[i] != NULL; i++)
    if (!g_str_has_prefix(statements[i], "PRAGMA"))
      walks += walks_in(history, statements[i], is_said);
  return walks;
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
  cr_expect_gt(g_hash_table_size(history->statements), 20);
  cr_expect_eq(walks_in_all(history, true), 0);
}

static void execute(History *history, const char *sql) {
  cr_assert_eq(sqlite3_exec(history->db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sql);
}

Test(plans, without_any_of_the_indexes_something_goes_through_a_table) {
  static const char *const indexes[] = {"deployment_environment", "deployment_order", "deployment_release",
                                        "deployment_leaves",      "step_deployment",  "release_age"};
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  ask_everything(history);
  for (guint i = 0; i < G_N_ELEMENTS(indexes); i++) {
    g_autofree char *drop = g_strconcat("DROP INDEX ", indexes[i], NULL);
    execute(history, "BEGIN");
    execute(history, drop);
    cr_expect_gt(walks_in_all(history, false), 0, "%s", indexes[i]);
    execute(history, "ROLLBACK");
  }
}
