/* Today's hosts, or those of the last deployment where an incident cannot wait for AWS. */
#include "deployer/commands/inventories.h"

#include "deployer/commands/locate.h"
#include "deployer/commands/recorded_config.h"
#include "environments/inventory/inventory.h"
#include "support/errors.h"

#include "support/poison.h"

/* The command's own history, or, for one that needs none, the one that it would have. */
static bool read_recorded(const Invocation *invocation, const char *environment, Config **recorded,
                          char **source, GError **error) {
  g_autoptr(History) history = NULL;
  const char *path = locate_history(invocation->global);
  if (invocation->history != NULL)
    return recorded_config_read(invocation->history, environment, recorded, source, error);
  return history_open(path != NULL ? path : invocation->config->history, HISTORY_READ, &history, error) &&
         recorded_config_read(history, environment, recorded, source, error);
}

static bool use_recorded(const Invocation *invocation, Environment *environment, const GError *cause,
                         GError **error) {
  g_autoptr(Config) recorded = NULL;
  g_autofree char *source = NULL;
  if (!read_recorded(invocation, environment->name, &recorded, &source, error))
    return false;
  Environment *then = config_find_environment(recorded, environment->name);
  if (then == NULL)
    return fail(error, SLIPWAY_ERROR_STORE, "%s does not know its own hosts", source);
  GPtrArray *hosts = environment->hosts;
  environment->hosts = then->hosts;
  then->hosts = hosts;
  g_ptr_array_set_size(environment->inventories, 0);
  reporter_warn(invocation->reporter, "%s; using the hosts of %s instead", cause->message, source);
  return true;
}

/* `problem`: why an environment has no hosts. */
static void do_without(Invocation *invocation, const Environment *environment, const GError *problem,
                       int needs) {
  if (invocation->lacking == NULL)
    invocation->lacking = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
  g_hash_table_replace(invocation->lacking, environment->name, g_strdup(problem->message));
  if ((needs & MAY_USE_RECORDED_HOSTS) != 0)
    reporter_warn(invocation->reporter, "%s; its hosts are not known", problem->message);
}

static bool ask_one(Invocation *invocation, const Config *config, Environment *environment, int needs,
                    GError **error) {
  g_autoptr(GError) problem = NULL;
  if (environment->inventories->len == 0 || inventory_resolve(config, environment, &problem))
    return true;
  bool is_unready = error_is(problem, SLIPWAY_ERROR_UNREADY);
  if (is_unready && (needs & MAY_USE_RECORDED_HOSTS) != 0 &&
      use_recorded(invocation, environment, problem, NULL))
    return true;
  if (is_unready && (needs & MAY_LACK_HOSTS) != 0) {
    do_without(invocation, environment, problem, needs);
    return true;
  }
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

bool inventories_ask(Invocation *invocation, Config *config, int needs, GError **error) {
  for (guint i = 0; i < config->environments->len; i++) {
    Environment *environment = config->environments->pdata[i];
    if (invocation->environment != NULL && invocation->environment != environment)
      continue;
    if (!ask_one(invocation, config, environment, needs, error))
      return false;
  }
  return true;
}
