/* What a snapshot keeps of slipway.yml for a day when that cannot be read: where the hosts are, and how to
 * reach them. */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

#include "deployer/rollout/snapshot.h"
#include "support/errors.h"

static char *folder;
static History *history;

static void setup(void) {
  GError *error = NULL;
  folder = g_dir_make_tmp("slipway-settings-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "history.db", NULL);
  g_autofree char *compose = g_build_filename(folder, "compose.yml", NULL);
  cr_assert(g_file_set_contents(compose, "services: {web: {image: \"127.0.0.1:1/shop/web\"}}\n", -1, NULL));
  cr_assert(history_open(path, HISTORY_WRITE, &history, &error));
}

static void teardown(void) {
  const char *names[] = {"compose.yml", "history.db", "history.db-wal", "history.db-shm"};
  history_free(history);
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    (void)g_unlink(path);
  }
  (void)g_rmdir(folder);
  g_free(folder);
}

TestSuite(snapshot_settings, .init = setup, .fini = teardown);

static Config *make_config(const char *host, const char *deadline) {
  GError *error = NULL;
  Config *config = NULL;
  g_autofree char *text = g_strdup_printf(
      "app: shop\nimages: {web: 127.0.0.1:1/shop/web}\npipeline: [prod]\ncompose: compose.yml\n"
      "defaults: {ssh: {key: keys/id, known_hosts: keys/known}}\n"
      "environments: {prod: {hosts: [%s], health: {deadline: %s}}}\n",
      host, deadline);
  cr_assert(config_parse("slipway.yml", folder, text, strlen(text), &config, &error), "%s",
            error ? error->message : "");
  return config;
}

/* The settings that a deployment with today's configuration, or with a recorded one (taken over), leaves. */
static Config *keep_and_read(const Config *today, Config *recorded) {
  GError *error = NULL;
  const Environment *prod = config_find_environment(today, "prod");
  RolloutRequest request = {.config = today, .environment = prod, .history = history};
  g_autoptr(Target) target = g_new0(Target, 1);
  g_autoptr(GPtrArray) builtins = g_ptr_array_new();
  g_autoptr(Deployment) deployment = deployment_new();
  Config *settings = NULL;
  target->recorded = recorded;
  target->pinned = g_hash_table_new(g_str_hash, g_str_equal);
  cr_assert(compose_project_read(folder, prod->compose, prod->files, prod->variables, builtins, NULL,
                                 &target->project, &error));
  cr_assert(snapshot_write(history, &request, target, &deployment->snapshot, &deployment->content, &error));
  cr_assert(snapshot_read_settings(history, deployment, &settings, &error), "%s",
            error ? error->message : "");
  return settings;
}

static const HostConfig *only_host(const Config *config) {
  const Environment *prod = config_find_environment(config, "prod");
  cr_assert_not_null(prod);
  cr_assert_eq(prod->hosts->len, 1);
  return prod->hosts->pdata[0];
}

Test(snapshot_settings, paths_are_those_of_the_folder_that_slipway_yml_was_in) {
  g_autoptr(Config) today = make_config("10.77.0.9", "10s");
  g_autoptr(Config) settings = keep_and_read(today, NULL);
  g_autofree char *key = g_build_filename(folder, "keys", "id", NULL);
  g_autofree char *known = g_build_filename(folder, "keys", "known", NULL);
  cr_assert_str_eq(only_host(settings)->ssh.keys->pdata[0], key);
  cr_assert_str_eq(only_host(settings)->ssh.known_hosts, known);
  cr_assert(config_is_in_pipeline(settings, "prod"));
}

Test(snapshot_settings, a_rollback_leaves_the_hosts_it_worked_on_and_the_rules_it_restored) {
  g_autoptr(Config) today = make_config("10.77.0.9", "10s");
  g_autoptr(Config) settings = keep_and_read(today, make_config("10.77.0.1", "20s"));
  cr_assert_str_eq(only_host(settings)->address, "10.77.0.9");
  cr_assert_eq(config_find_environment(settings, "prod")->health.deadline_ms, 20000);
}

Test(snapshot_settings, without_a_snapshot_it_is_a_failure_of_the_store) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) deployment = deployment_new();
  Config *settings = NULL;
  cr_assert_not(snapshot_read_settings(history, deployment, &settings, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_STORE));
  cr_assert_not_null(strstr(error->message, "no configuration snapshot"));
}
