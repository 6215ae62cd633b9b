/* Holds, and the file of the schema before them. */
#include "fixture.h"

#include <sqlite3.h>

TestSuite(holds, .init = folder_make, .fini = folder_remove, .timeout = 60);

static void add_hold(History *history, const char *environment, const char *reason, const char *actor) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Hold) hold = NULL;
  assert_works(history_add_hold(history, environment, reason, actor, &hold, &error));
  cr_assert_str_eq(hold->environment, environment);
  cr_assert_str_eq(hold->reason, reason);
  cr_assert_str_eq(hold->actor, actor);
  cr_assert_gt(hold->since, 0);
  cr_assert_eq(hold->lifted_at, 0);
}

static Hold *get_hold(History *history, const char *environment) {
  g_autoptr(GError) error = NULL;
  Hold *hold = NULL;
  assert_works(history_get_hold(history, environment, &hold, &error));
  return hold;
}

static Hold *lift_holds(History *history, const char *environment, const char *actor) {
  g_autoptr(GError) error = NULL;
  Hold *hold = NULL;
  assert_works(history_lift_holds(history, environment, actor, &hold, &error));
  return hold;
}

static GPtrArray *list_holds(History *history, const char *environment, guint limit) {
  g_autoptr(GError) error = NULL;
  GPtrArray *holds = NULL;
  assert_works(history_list_holds(history, environment, limit, &holds, &error));
  return holds;
}

Test(holds, are_of_one_environment_and_outlive_the_process_that_made_them) {
  {
    g_autoptr(History) history = open_history(HISTORY_WRITE);
    add_hold(history, "prod", "it loses orders", "anna");
  }
  g_autoptr(History) history = open_history(HISTORY_READ);
  g_autoptr(Hold) hold = get_hold(history, "prod");
  cr_assert_str_eq(hold->reason, "it loses orders");
  cr_assert_null(get_hold(history, "ci"));
}

Test(holds, the_newer_counts_and_the_older_stays_on_record) {
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  add_hold(history, "prod", "it loses orders", "anna");
  add_hold(history, "ci", "moving", "carl");
  add_hold(history, "prod", "it loses customers", "bob");
  g_autoptr(Hold) hold = get_hold(history, "prod");
  cr_assert_str_eq(hold->reason, "it loses customers");
  g_autoptr(GPtrArray) holds = list_holds(history, "prod", 0), newest = list_holds(history, NULL, 1);
  cr_assert_eq(holds->len, 2);
  cr_assert_str_eq(((const Hold *)holds->pdata[1])->reason, "it loses orders");
  cr_assert_eq(newest->len, 1);
  cr_assert_str_eq(((const Hold *)newest->pdata[0])->actor, "bob");
}

Test(holds, lifting_lifts_all_of_the_environment_and_says_by_whom) {
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  add_hold(history, "prod", "it loses orders", "anna");
  add_hold(history, "prod", "it loses customers", "bob");
  add_hold(history, "ci", "moving", "carl");
  g_autoptr(Hold) lifted = lift_holds(history, "prod", "dora");
  cr_assert_str_eq(lifted->reason, "it loses customers");
  cr_assert_null(get_hold(history, "prod"));
  g_autoptr(Hold) other = get_hold(history, "ci");
  cr_assert_not_null(other);
  g_autoptr(GPtrArray) holds = list_holds(history, "prod", 0);
  for (guint i = 0; i < 2; i++) {
    const Hold *hold = holds->pdata[i];
    cr_assert_geq(hold->lifted_at, hold->since);
    cr_assert_str_eq(hold->lifted_by, "dora");
  }
}

Test(holds, lifting_where_nothing_is_held_leaves_the_record_alone) {
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  cr_assert_null(lift_holds(history, "prod", "dora"));
  add_hold(history, "prod", "it loses orders", "anna");
  g_autoptr(Hold) lifted = lift_holds(history, "prod", "dora");
  cr_assert_not_null(lifted);
  cr_assert_null(lift_holds(history, "prod", "emil"));
  g_autoptr(GPtrArray) holds = list_holds(history, "prod", 0);
  cr_assert_str_eq(((const Hold *)holds->pdata[0])->lifted_by, "dora");
}

Test(holds, cannot_be_made_in_a_history_that_is_read) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) writer = open_history(HISTORY_WRITE);
  g_autoptr(History) history = open_history(HISTORY_READ);
  cr_assert_not_null(writer);
  cr_assert_not(history_add_hold(history, "prod", "why", "anna", NULL, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "readonly");
}

/* ---- a file of schema 1 ---- */

static sqlite3 *open_plain(void) {
  sqlite3 *db;
  cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
  return db;
}

static void make_version1(void) {
  g_autofree char *sql = NULL;
  char *problem = NULL;
  cr_assert(g_file_get_contents(TEST_DATA "/version1.sql", &sql, NULL, NULL));
  sqlite3 *db = open_plain();
  cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, &problem), SQLITE_OK, "%s", problem);
  sqlite3_close(db);
}

static int read_schema(void) {
  sqlite3 *db = open_plain();
  sqlite3_stmt *statement;
  cr_assert_eq(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL), SQLITE_OK);
  cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
  int version = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return version;
}

static void assert_content_of_version1(History *history) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) deployments = NULL, steps = NULL;
  g_autoptr(GBytes) snapshot = NULL;
  g_autoptr(Release) release = NULL;
  assert_works(history_find_release(history, "0123456789", &release, &error));
  cr_assert_str_eq(release->version, "1.0");
  cr_assert_eq(release->images->len, 2);
  assert_works(history_list_deployments(history, NULL, 0, &deployments, &error));
  cr_assert_eq(deployments->len, 2);
  const Deployment *newest = deployments->pdata[0];
  cr_assert_str_eq(newest->environment, "prod");
  cr_assert_str_eq(newest->version, "2.0");
  cr_assert_str_eq(newest->reason, "CHG-1");
  cr_assert_eq(newest->exit_code, 4);
  cr_assert_eq(newest->id, 2); /* in the order of ending, which was that of ids */
  cr_assert_eq(newest->hosts->len, 1);
  assert_works(history_get_blob(history, newest->snapshot, &snapshot, &error));
  cr_assert_not_null(snapshot);
  assert_works(history_list_steps(history, newest->id, &steps, &error));
  cr_assert_eq(steps->len, 1);
}

Test(holds, a_version_1_file_is_read_without_being_changed) {
  make_version1();
  g_autoptr(History) history = open_history(HISTORY_READ);
  assert_content_of_version1(history);
  cr_assert_null(get_hold(history, "prod"));
  cr_assert_eq(read_schema(), 1);
}

Test(holds, a_version_1_file_is_brought_up_to_date_by_who_writes_and_keeps_everything) {
  make_version1();
  {
    g_autoptr(History) history = open_history(HISTORY_WRITE);
    assert_content_of_version1(history);
    add_hold(history, "prod", "it loses orders", "anna");
  }
  cr_assert_gt(read_schema(), 1);
  g_autoptr(History) history = open_history(HISTORY_READ);
  assert_content_of_version1(history);
  g_autoptr(Hold) hold = get_hold(history, "prod");
  cr_assert_str_eq(hold->actor, "anna");
}
