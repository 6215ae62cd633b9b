/* Configuration from the history, where slipway.yml fails. */
#include "deployer/commands/recorded_config.h"

#include "deployer/commands/locate.h"
#include "deployer/rollout/snapshot.h"
#include "environments/config/history_place.h"
#include "support/errors.h"

#include "support/poison.h"

bool recorded_config_locate(const GlobalOptions *global, char **history, GError **error) {
  g_autofree char *file = NULL;
  const char *named = locate_history(global);
  if (named == NULL) {
    if (!locate_config(global, &file, NULL))
      file = NULL;
    return history_place_guess(file, history, error);
  }
  if (!g_file_test(named, G_FILE_TEST_EXISTS))
    return fail(error, SLIPWAY_ERROR_CONFIG, "there is no history at %s", named);
  *history = g_strdup(named);
  return true;
}

/* An attempt that never came to its hosts may have failed for having the wrong ones. */
static bool has_worked_on_hosts(const Deployment *deployment) {
  return deployment->touched || deployment->status == STATUS_SUCCEEDED ||
         deployment->status == STATUS_RUNNING;
}

/* `deployments` are newest first. NULL: none has a snapshot. */
static const Deployment *newest_with_hosts(const GPtrArray *deployments, const char *environment) {
  const Deployment *newest = NULL;
  for (guint i = 0; i < deployments->len; i++) {
    const Deployment *deployment = deployments->pdata[i];
    if (deployment->snapshot == NULL || !g_str_equal(deployment->environment, environment))
      continue;
    if (has_worked_on_hosts(deployment))
      return deployment;
    newest = newest != NULL ? newest : deployment;
  }
  return newest;
}

static bool read_one(History *history, const GPtrArray *deployments, const char *environment, Config **config,
                     GString *source, GError **error) {
  const Deployment *deployment = newest_with_hosts(deployments, environment);
  if (deployment == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "the history knows no configuration of \"%s\"", environment);
  g_string_append_printf(source, "%sd%" G_GINT64_FORMAT, source->len > 0 ? ", " : "", deployment->id);
  return snapshot_read_settings(history, deployment, config, error) ||
         prefix(error, "d%" G_GINT64_FORMAT ": ", deployment->id);
}

/* Into one configuration: all of them are of one application. */
static void take_environments(Config *config, Config *other) {
  while (other->environments->len > 0)
    g_ptr_array_add(config->environments, g_ptr_array_steal_index(other->environments, 0));
}

static bool read_all(History *history, const GPtrArray *deployments, Config **config, GString *source,
                     GError **error) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(Config) all = NULL;
  for (guint i = 0; i < deployments->len; i++) {
    const Deployment *deployment = deployments->pdata[i];
    g_autoptr(Config) one = NULL;
    if (deployment->snapshot == NULL || !g_hash_table_add(seen, deployment->environment))
      continue;
    if (!read_one(history, deployments, deployment->environment, &one, source, error))
      return false;
    if (all == NULL)
      all = g_steal_pointer(&one);
    else
      take_environments(all, one);
  }
  if (all == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "the history knows no configuration: nothing was deployed yet");
  g_ptr_array_set_size(all->pipeline, 0);
  *config = g_steal_pointer(&all);
  return true;
}

bool recorded_config_read(History *history, const char *environment, Config **config, char **source,
                          GError **error) {
  g_autoptr(GPtrArray) deployments = NULL;
  g_autoptr(GString) names = g_string_new(NULL);
  if (!history_list_deployments(history, environment, 0, &deployments, error))
    return false;
  if (!(environment != NULL ? read_one(history, deployments, environment, config, names, error)
                            : read_all(history, deployments, config, names, error)))
    return false;
  *source = g_strdup(names->str);
  return true;
}
