/* What the person who is needed is told of a host whose deployment is an old one. */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "deployer/rollout/phases.h"

enum { DEPLOYMENTS = 70 }; /* more than are read at first */

static void record_one(History *history, guint number) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) deployment = deployment_new();
  deployment->environment = g_strdup("prod");
  deployment->uid = g_strdup_printf("deployment%u", number);
  deployment->content = g_strdup_printf("content %u", number);
  deployment->touched = true;
  cr_assert(history_begin_deployment(history, deployment, &error), "%s", error != NULL ? error->message : "");
  deployment->status = STATUS_SUCCEEDED;
  cr_assert(history_finish_deployment(history, deployment, &error));
}

static char *way_out(const EnvironmentState *state) {
  Environment environment = {.name = (char *)"prod"};
  RolloutRequest request = {.environment = &environment};
  Situation situation = {.state = (EnvironmentState *)state};
  Deployment deployment = {.uid = (char *)"new", .kind = KIND_DEPLOY, .release = 2};
  DeploymentHost record = {.name = (char *)"web1", .status = HOST_UNKNOWN, .runs = (char *)"deployment1"};
  g_autoptr(GPtrArray) workers = g_ptr_array_new();
  Rollout rollout = {
      .request = &request, .situation = &situation, .deployment = &deployment, .workers = workers};
  Worker worker = {.rollout = &rollout, .record = &record, .is_skipped = true};
  g_ptr_array_add(workers, &worker);
  return describe_way_out(&rollout);
}

static void lose_deployments(const char *path) {
  sqlite3 *db = NULL;
  cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
  cr_assert_eq(sqlite3_exec(db, "ALTER TABLE deployment RENAME TO lost", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void remove_folder(const char *folder) {
  static const char *const names[] = {"history.db", "history.db-wal", "history.db-shm"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *file = g_build_filename(folder, names[i], NULL);
    (void)g_unlink(file);
  }
  cr_assert_eq(g_rmdir(folder), 0);
}

Test(way_out, a_deployment_that_cannot_be_looked_up_is_not_called_unknown) {
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp("slipway-way-out-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "history.db", NULL);
  History *history = NULL;
  g_autoptr(GPtrArray) before = NULL, read = NULL;
  g_autoptr(EnvironmentState) found = NULL, lost = NULL;
  cr_assert(history_open(path, HISTORY_WRITE, &history, &error));
  for (guint i = 1; i <= DEPLOYMENTS; i++)
    record_one(history, i);
  cr_assert(environment_state_read(history, "prod", NULL, 0, &before, &found, &error));
  cr_assert(environment_state_read(history, "prod", NULL, 0, &read, &lost, &error));
  cr_assert_not(environment_state_is_whole(lost));
  g_autofree char *text = way_out(found);
  cr_expect_not_null(strstr(text, "web1: unknown, runs d1\n"), "%s", text);
  lose_deployments(path);
  g_autofree char *after = way_out(lost);
  cr_expect_not_null(strstr(after, "runs deployment deployment1, which cannot be looked up"), "%s", after);
  history_free(history);
  remove_folder(folder);
}
