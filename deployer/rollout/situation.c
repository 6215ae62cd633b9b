/* Reading the states that a decision about an environment needs. */
#include "deployer/rollout/situation.h"

#include "support/errors.h"
#include "support/poison.h"

static bool read_state(History *history, const char *environment, GPtrArray **deployments,
                       EnvironmentState **state, GError **error) {
  if (!history_list_deployments(history, environment, 0, deployments, error))
    return false;
  *state = environment_state_new(environment, *deployments);
  return true;
}

static bool read_hold(History *history, Situation *situation, GError **error) {
  if (!history_get_hold(history, situation->state->environment, &situation->hold, error))
    return false;
  situation->state->hold = situation->hold;
  return true;
}

bool situation_read(History *history, const Config *config, const char *environment, Situation **situation,
                    GError **error) {
  g_autoptr(Situation) read = g_new0(Situation, 1);
  if (!read_state(history, environment, &read->deployments, &read->state, error) ||
      !read_hold(history, read, error))
    return false;
  const char *before = config_environment_before(config, environment);
  if (before != NULL && !read_state(history, before, &read->before_deployments, &read->before, error))
    return false;
  *situation = g_steal_pointer(&read);
  return true;
}

void situation_free(Situation *situation) {
  if (situation == NULL)
    return;
  g_clear_pointer(&situation->state, environment_state_free);
  g_clear_pointer(&situation->before, environment_state_free);
  g_clear_pointer(&situation->deployments, g_ptr_array_unref);
  g_clear_pointer(&situation->before_deployments, g_ptr_array_unref);
  g_clear_pointer(&situation->hold, hold_free);
  g_free(situation);
}
