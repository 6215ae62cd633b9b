/* Reading the states that a decision about an environment needs. */
#include "deployer/rollout/situation.h"

#include "deployer/rollout/controller.h"
#include "support/errors.h"
#include "support/poison.h"

static bool is_own(const Deployment *deployment, gint64 besides) {
  return deployment->id == besides;
}

static bool is_own_or_waits_for_locks(const Deployment *deployment, gint64 besides) {
  return is_own(deployment, besides) ||
         (deployment->status == STATUS_RUNNING && controller_is_at_work(deployment->controller));
}

static DeploymentFilter *filter(bool is_locked) {
  return is_locked ? is_own_or_waits_for_locks : is_own;
}

static bool read_hold(History *history, Situation *situation, GError **error) {
  if (!history_get_hold(history, situation->state->environment, &situation->hold, error))
    return false;
  situation->state->hold = situation->hold;
  return true;
}

/* The state of another environment, read once. */
static bool read_other(History *history, const char *environment, gint64 besides, Situation *situation,
                       const EnvironmentState **state, GError **error) {
  for (guint i = 0; i < situation->others->len; i++) {
    *state = situation->others->pdata[i];
    if (g_str_equal((*state)->environment, environment))
      return true;
  }
  GPtrArray *deployments = NULL;
  EnvironmentState *read = NULL;
  if (!environment_state_read(history, environment, filter(false), besides, &deployments, &read, error))
    return false;
  g_ptr_array_add(situation->other_deployments, deployments);
  g_ptr_array_add(situation->others, read);
  *state = read;
  return true;
}

static bool read_others(History *history, const Config *config, const char *name, gint64 besides,
                        Situation *situation, GError **error) {
  const Environment *environment = config_find_environment(config, name);
  const char *before = config_environment_before(config, name);
  situation->others = g_ptr_array_new_with_free_func((GDestroyNotify)environment_state_free);
  situation->other_deployments = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  situation->required = g_ptr_array_new();
  if (before != NULL && !read_other(history, before, besides, situation, &situation->before, error))
    return false;
  g_autoptr(GPtrArray) required =
      environment != NULL ? gates_required(config, environment) : g_ptr_array_new();
  for (guint i = 0; i < required->len; i++) {
    const EnvironmentState *state = NULL;
    if (!read_other(history, required->pdata[i], besides, situation, &state, error))
      return false;
    g_ptr_array_add(situation->required, (gpointer)state);
  }
  return true;
}

static bool read_situation(History *history, const Config *config, const char *environment, gint64 besides,
                           bool is_locked, Situation **situation, GError **error) {
  g_autoptr(Situation) read = g_new0(Situation, 1);
  read->now = g_get_real_time();
  if (!history_count_ended(history, environment, &read->ended, error) ||
      !environment_state_read(history, environment, filter(is_locked), besides, &read->deployments,
                              &read->state, error) ||
      !read_hold(history, read, error) || !read_others(history, config, environment, besides, read, error) ||
      !history_list_approvals(history, environment, 0, &read->approvals, error))
    return false;
  *situation = g_steal_pointer(&read);
  return true;
}

bool situation_check(const Situation *situation, GError **error) {
  for (guint i = 0; i < situation->others->len; i++)
    if (!environment_state_check(situation->others->pdata[i], error))
      return false;
  return environment_state_check(situation->state, error);
}

void situation_expect(const Situation *situation, const GPtrArray *releases) {
  environment_state_expect(situation->state, releases);
  for (guint i = 0; i < situation->required->len; i++)
    environment_state_expect(situation->required->pdata[i], releases);
}

GateFacts situation_gate_facts(const Situation *situation, const Environment *environment) {
  return (GateFacts){.gates = &environment->gates,
                     .state = situation->state,
                     .required = situation->required,
                     .approvals = situation->approvals,
                     .now = situation->now};
}

bool situation_read(History *history, const Config *config, const char *environment, gint64 besides,
                    Situation **situation, GError **error) {
  return read_situation(history, config, environment, besides, false, situation, error);
}

bool situation_read_locked(History *history, const Config *config, const char *environment, gint64 besides,
                           Situation **situation, GError **error) {
  return read_situation(history, config, environment, besides, true, situation, error);
}

void situation_free(Situation *situation) {
  if (situation == NULL)
    return;
  g_clear_pointer(&situation->state, environment_state_free);
  g_clear_pointer(&situation->required, g_ptr_array_unref);
  g_clear_pointer(&situation->others, g_ptr_array_unref);
  g_clear_pointer(&situation->other_deployments, g_ptr_array_unref);
  g_clear_pointer(&situation->approvals, g_ptr_array_unref);
  g_clear_pointer(&situation->deployments, g_ptr_array_unref);
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
  return newest(a) == newest(b) && a->ended == b->ended && count_running(a) == count_running(b) &&
         (a->hold != NULL) == (b->hold != NULL);
}
