/* Reading the states that a decision about an environment needs. */
#include "deployer/rollout/situation.h"

#include "support/errors.h"
#include "support/poison.h"

static void leave_out(GPtrArray *deployments, gint64 id) {
  for (guint i = 0; i < deployments->len; i++)
    if (((const Deployment *)g_ptr_array_index(deployments, i))->id == id) {
      g_ptr_array_remove_index(deployments, i);
      return;
    }
}

static bool read_state(History *history, const char *environment, gint64 besides, GPtrArray **deployments,
                       EnvironmentState **state, GError **error) {
  if (!history_list_deployments(history, environment, 0, deployments, error))
    return false;
  leave_out(*deployments, besides);
  *state = environment_state_new(environment, *deployments);
  return true;
}

static bool read_hold(History *history, Situation *situation, GError **error) {
  if (!history_get_hold(history, situation->state->environment, &situation->hold, error))
    return false;
  situation->state->hold = situation->hold;
  return true;
}

bool situation_read(History *history, const Config *config, const char *environment, gint64 besides,
                    Situation **situation, GError **error) {
  g_autoptr(Situation) read = g_new0(Situation, 1);
  if (!read_state(history, environment, besides, &read->deployments, &read->state, error) ||
      !read_hold(history, read, error))
    return false;
  const char *before = config_environment_before(config, environment);
  if (before != NULL &&
      !read_state(history, before, besides, &read->before_deployments, &read->before, error))
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

static gint64 newest(const Situation *situation) {
  return situation->deployments->len > 0
             ? ((const Deployment *)g_ptr_array_index(situation->deployments, 0))->id
             : 0;
}

static guint count_running(const Situation *situation) {
  guint running = 0;
  for (guint i = 0; i < situation->deployments->len; i++)
    if (((const Deployment *)g_ptr_array_index(situation->deployments, i))->status == STATUS_RUNNING)
      running++;
  return running;
}

bool situation_is_same(const Situation *a, const Situation *b) {
  return newest(a) == newest(b) && count_running(a) == count_running(b) &&
         (a->hold != NULL) == (b->hold != NULL);
}
