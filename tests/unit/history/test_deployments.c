/* Recording and reading deployments, hosts, steps and blobs. */
#include "fixture.h"

#include "pipelines/history/history_private.h"

static History *history;

static void make(void) {
  folder_make();
  history = open_history(HISTORY_WRITE);
}

static void unmake(void) {
  history_free(history);
  folder_remove();
}

TestSuite(deployments, .init = make, .fini = unmake);

static Deployment *get(gint64 id) {
  g_autoptr(GError) error = NULL;
  Deployment *deployment = NULL;
  assert_works(history_get_deployment(history, id, &deployment, &error));
  return deployment;
}

Test(deployments, begin_as_running_with_their_hosts) {
  gint64 release = add_release(history, "1.0", NULL);
  g_autoptr(Deployment) begun = begin(history, "prod", release);
  g_autoptr(Deployment) read = get(begun->id);
  cr_assert_str_eq(read->uid, begun->uid);
  cr_assert_eq(read->status, STATUS_RUNNING);
  cr_assert_eq(read->exit_code, -1);
  cr_assert_gt(read->started_at, 0);
  cr_assert_eq(read->finished_at, 0);
  cr_assert_str_eq(read->version, "1.0");
  cr_assert_null(read->images);
  cr_assert_eq(read->hosts->len, 2);
  const DeploymentHost *web = read->hosts->pdata[0], *here = read->hosts->pdata[1];
  cr_assert_str_eq(web->name, "web1");
  cr_assert_str_eq(web->address, "10.0.0.1");
  cr_assert_eq(web->status, HOST_PENDING);
  cr_assert_null(web->runs);
  cr_assert_str_eq(here->name, "here");
  cr_assert_null(here->address);
  cr_assert_null(get(99));
}

static void fill(Deployment *deployment) {
  deployment->kind = KIND_ROLLBACK;
  deployment->actor = g_strdup("ada");
  deployment->reason = g_strdup("it's slow");
  deployment->build_url = g_strdup("https://ci.example.org/8");
  deployment->forced = true;
  deployment->controller = g_strdup("ci1 42 1 boot");
}

Test(deployments, keep_every_field) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static("{}", 2);
  g_autoptr(Deployment) first = begin(history, "prod", 0);
  g_autoptr(Deployment) deployment = deployment_new();
  deployment->environment = g_strdup("prod");
  deployment->uid = g_strdup("mine");
  deployment->started_at = 1000;
  fill(deployment);
  assert_works(history_begin_deployment(history, deployment, &error));
  cr_assert_str_eq(deployment->uid, "mine");
  assert_works(history_put_blob(history, "abc", bytes, &error));
  deployment->release = add_release(history, "1.0", NULL);
  deployment->restores = deployment->leaves = first->id;
  deployment->move = MOVE_POP;
  deployment->config_revision = g_strdup("f00d");
  deployment->config_dirty = true;
  deployment->images = g_strdup("{\"web\":\"x\"}");
  deployment->content = g_strdup("c0");
  deployment->snapshot = g_strdup("abc");
  assert_works(history_update_deployment(history, deployment, &error));
  deployment->finished_at = 3000;
  deployment->touched = true;
  deployment->message = g_strdup("two\nlines");
  finish(history, deployment, STATUS_BROKEN, 5);

  g_autoptr(Deployment) read = get(deployment->id);
  cr_assert_str_eq(read->environment, "prod");
  cr_assert_eq(read->release, deployment->release);
  cr_assert_str_eq(read->version, "1.0");
  cr_assert_eq(read->kind, KIND_ROLLBACK);
  cr_assert_eq(read->status, STATUS_BROKEN);
  cr_assert_eq(read->exit_code, 5);
  cr_assert_eq(read->restores, first->id);
  cr_assert_eq(read->leaves, first->id);
  cr_assert_eq(read->move, MOVE_POP);
  cr_assert_str_eq(read->actor, "ada");
  cr_assert_str_eq(read->reason, "it's slow");
  cr_assert_str_eq(read->build_url, "https://ci.example.org/8");
  cr_assert_str_eq(read->config_revision, "f00d");
  cr_assert(read->forced && read->config_dirty && read->touched);
  cr_assert_eq(read->started_at, 1000);
  cr_assert_eq(read->finished_at, 3000);
  cr_assert_str_eq(read->images, "{\"web\":\"x\"}");
  cr_assert_str_eq(read->content, "c0");
  cr_assert_str_eq(read->snapshot, "abc");
  cr_assert_str_eq(read->message, "two\nlines");
  cr_assert_str_eq(read->controller, "ci1 42 1 boot");
}

Test(deployments, finish_with_all_hosts_at_once) {
  g_autoptr(Deployment) deployment = begin(history, "prod", 0);
  DeploymentHost *web = deployment->hosts->pdata[0], *here = deployment->hosts->pdata[1];
  web->status = HOST_CHANGED;
  web->runs = g_strdup(deployment->uid);
  here->status = HOST_FAILED;
  here->runs = g_strdup("");
  here->error = g_strdup("no space");
  finish(history, deployment, STATUS_FAILED, 1);
  g_autoptr(Deployment) read = get(deployment->id);
  cr_assert_eq(read->hosts->len, 2);
  web = read->hosts->pdata[0];
  here = read->hosts->pdata[1];
  cr_assert_eq(web->status, HOST_CHANGED);
  cr_assert_str_eq(web->runs, deployment->uid);
  cr_assert_eq(here->status, HOST_FAILED);
  cr_assert_str_eq(here->runs, "");
  cr_assert_str_eq(here->error, "no space");
  cr_assert_gt(read->finished_at, 0);
}

Test(deployments, a_finish_that_cannot_be_written_changes_nothing) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) deployment = begin(history, "prod", 0);
  g_ptr_array_add(deployment->hosts, deployment_host_new(NULL, NULL)); /* a host needs a name */
  deployment->status = STATUS_SUCCEEDED;
  cr_assert_not(history_finish_deployment(history, deployment, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "NOT NULL");
  g_autoptr(Deployment) read = get(deployment->id);
  cr_assert_eq(read->status, STATUS_RUNNING);
}

Test(deployments, a_host_is_changed_or_added_by_name) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) deployment = begin(history, "prod", 0);
  g_autoptr(Deployment) read = NULL;
  DeploymentHost web = {.name = (char *)"web1", .address = (char *)"10.0.0.9", .status = HOST_UNKNOWN};
  DeploymentHost more = {.name = (char *)"web2", .status = HOST_SKIPPED};
  assert_works(history_set_host(history, deployment->id, &web, &error));
  assert_works(history_set_host(history, deployment->id, &more, &error));
  read = get(deployment->id);
  cr_assert_eq(read->hosts->len, 3);
  cr_assert_eq(((DeploymentHost *)read->hosts->pdata[0])->status, HOST_UNKNOWN);
  cr_assert_str_eq(((DeploymentHost *)read->hosts->pdata[0])->address, "10.0.0.9");
  cr_assert_str_eq(((DeploymentHost *)read->hosts->pdata[2])->name, "web2");
}

Test(deployments, what_does_not_exist_cannot_be_changed) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) deployment = deployment_new();
  deployment->id = 7;
  cr_assert_not(history_update_deployment(history, deployment, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "there is no deployment d7");
  cr_assert_not(history_finish_deployment(history, deployment, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "there is no deployment d7");
  cr_assert_not(history_finish_step(history, 3, "ok", NULL, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "there is no step 3");
}

Test(deployments, list_newest_first_by_environment_and_limit) {
  static const char *const environments[] = {"ci", "prod", "ci", "prod", "ci"};
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) all = NULL, ci = NULL, newest = NULL, none = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(environments); i++)
    deployment_free(begin(history, environments[i], 0));
  assert_works(history_list_deployments(history, NULL, 0, &all, &error));
  assert_works(history_list_deployments(history, "ci", 0, &ci, &error));
  assert_works(history_list_deployments(history, "prod", 1, &newest, &error));
  assert_works(history_list_deployments(history, "nosuch", 0, &none, &error));
  cr_assert_eq(all->len, 5);
  cr_assert_eq(ci->len, 3);
  cr_assert_eq(((Deployment *)ci->pdata[0])->id, 5);
  cr_assert_eq(((Deployment *)ci->pdata[2])->id, 1);
  cr_assert_eq(newest->len, 1);
  cr_assert_eq(((Deployment *)newest->pdata[0])->id, 4);
  cr_assert_eq(((Deployment *)newest->pdata[0])->hosts->len, 2);
  cr_assert_eq(none->len, 0);
}

Test(deployments, steps_show_intent_then_outcome) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) steps = NULL;
  g_autoptr(Deployment) deployment = begin(history, "prod", 0);
  gint64 first, second;
  assert_works(history_begin_step(history, deployment->id, "web1", "pull", &first, &error));
  assert_works(history_begin_step(history, deployment->id, NULL, "verify", &second, &error));
  assert_works(history_finish_step(history, first, "failed", "no such image", &error));
  assert_works(history_list_steps(history, deployment->id, &steps, &error));
  cr_assert_eq(steps->len, 2);
  const DeploymentStep *pull = steps->pdata[0], *verify = steps->pdata[1];
  cr_assert_str_eq(pull->status, "failed");
  cr_assert_str_eq(pull->detail, "no such image");
  cr_assert_geq(pull->finished_at, pull->started_at);
  cr_assert_str_eq(verify->status, "running");
  cr_assert_null(verify->host);
  cr_assert_eq(verify->finished_at, 0);
}

Test(deployments, what_a_task_wrote_is_with_its_step) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) steps = NULL;
  g_autoptr(Deployment) deployment = begin(history, "prod", 0);
  gint64 first, second;
  assert_works(history_begin_step(history, deployment->id, "web1", "before: migrate", &first, &error));
  assert_works(history_begin_step(history, deployment->id, "web1", "up", &second, &error));
  assert_works(history_set_output(history, first, "half of it", 0, &error));
  assert_works(history_set_output(history, first, "one\ntwo\n", 12, &error));
  assert_works(history_list_steps(history, deployment->id, &steps, &error));
  const DeploymentStep *task = steps->pdata[0], *up = steps->pdata[1];
  cr_assert_eq(steps->len, 2);
  cr_assert_str_eq(task->output, "one\ntwo\n");
  cr_assert_eq(task->lost, 12);
  cr_assert_null(up->output);
  cr_assert_not(history_set_output(history, 4711, "of no step", 0, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "");
}

Test(deployments, blobs_are_kept_once_and_whole) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static("a\0b", 3), nothing = g_bytes_new_static(NULL, 0);
  g_autoptr(GBytes) read = NULL, empty = NULL, absent = NULL;
  assert_works(history_put_blob(history, "1", bytes, &error));
  assert_works(history_put_blob(history, "1", bytes, &error));
  assert_works(history_put_blob(history, "2", nothing, &error));
  assert_works(history_get_blob(history, "1", &read, &error));
  assert_works(history_get_blob(history, "2", &empty, &error));
  assert_works(history_get_blob(history, "3", &absent, &error));
  cr_assert(g_bytes_equal(read, bytes));
  cr_assert_eq(g_bytes_get_size(empty), 0);
  cr_assert_null(absent);
}

static void make_many(int count) {
  g_autoptr(GError) error = NULL;
  g_autofree char *sql =
      g_strdup_printf("BEGIN; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                      " INSERT INTO deployment (uid, environment, kind, status, exit_code, move, forced, "
                      "config_dirty, touched,"
                      " started_at, finished_at, images, content) SELECT 'uid' || i, CASE i %% 3 WHEN 0 THEN "
                      "'ci' WHEN 1 THEN 'end2end'"
                      " ELSE 'prod' END, 'deploy', 'succeeded', 0, 'push', 0, 0, 1, i, i + 1, "
                      "'{\"web\":\"x\"}', 'c' || i FROM n;"
                      " INSERT INTO deployment_host (deployment, position, name, status) SELECT d.id, "
                      "p.column1, 'h' || p.column1,"
                      " 'changed' FROM deployment d, (VALUES (0), (1), (2)) p; COMMIT",
                      count);
  assert_works(history_execute(history, sql, &error));
}

/* That no list goes through a whole table is test_plans.c's; how long it takes, bench/history's. */
Test(deployments, of_a_hundred_thousand_the_newest_are_listed) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) newest = NULL;
  g_autoptr(GPtrArray) prod = NULL;
  make_many(100000);
  assert_works(history_list_deployments(history, NULL, 20, &newest, &error));
  cr_assert_eq(newest->len, 20);
  g_autoptr(Deployment) one = get(50000);
  cr_assert_eq(one->hosts->len, 3);
  assert_works(history_list_deployments(history, "prod", 0, &prod, &error));
  cr_assert_eq(prod->len, 33333);
}
