/* Reading a state from the history: the newest deployments, and of older ones what is asked for. A release's
 * own deployments, and the rollbacks that left one of them, are all that the fold's tables say about it:
 * folded alone, they say the same. */
#include "pipelines/state_source.h"

#include "support/poison.h"

enum {
  MOST = 1 << 15,   /* then all */
  ASKED_MAX = 1000, /* releases; then all of the history is folded, once */
};

struct StateSource {
  History *history;
  DeploymentFilter *is_left_out;
  gint64 besides;
  GPtrArray *owned;  /* GPtrArray of Deployment: what was read later */
  GHashTable *known; /* set of gint64 *: releases about which the tables are right */
  bool knows_all;
  GError *problem; /* of the first reading that failed */
};

static StateSource *source_new(History *history, DeploymentFilter *is_left_out, gint64 besides) {
  StateSource *source = g_new0(StateSource, 1);
  source->history = history;
  source->is_left_out = is_left_out;
  source->besides = besides;
  source->owned = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  source->known = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  return source;
}

void state_source_free(StateSource *source) {
  if (source == NULL)
    return;
  g_ptr_array_unref(source->owned);
  g_hash_table_unref(source->known);
  g_clear_error(&source->problem);
  g_free(source);
}

static void leave_out(GPtrArray *deployments, DeploymentFilter *is_left_out, gint64 besides) {
  for (guint i = deployments->len; is_left_out != NULL && i > 0; i--)
    if (is_left_out(deployments->pdata[i - 1], besides))
      g_ptr_array_remove_index(deployments, i - 1);
}

/* ---- the newest ------------------------------------------------------------------------------------------
 */

bool environment_state_read_deep(History *history, const char *environment, guint first, guint depth,
                                 DeploymentFilter *is_left_out, gint64 besides, GPtrArray **deployments,
                                 EnvironmentState **state, GError **error) {
  for (guint limit = first;; limit = limit < MOST ? limit * ENVIRONMENT_READ_MORE : 0) {
    g_autoptr(GPtrArray) read = NULL;
    if (!history_list_deployments(history, environment, limit, &read, error))
      return false;
    bool is_all = limit == 0 || read->len < limit;
    leave_out(read, is_left_out, besides);
    EnvironmentState *made =
        is_all ? environment_state_new(environment, read) : state_of_newest(environment, read, depth);
    if (made == NULL)
      continue;
    if (!is_all)
      made->source = source_new(history, is_left_out, besides);
    *state = made;
    *deployments = g_steal_pointer(&read);
    return true;
  }
}

bool environment_state_read(History *history, const char *environment, DeploymentFilter *is_left_out,
                            gint64 besides, GPtrArray **deployments, EnvironmentState **state,
                            GError **error) {
  return environment_state_read_deep(history, environment, ENVIRONMENT_READ_FIRST, ENVIRONMENT_STACK_DEPTH,
                                     is_left_out, besides, deployments, state, error);
}

bool environment_state_is_whole(const EnvironmentState *state) {
  return state->source == NULL;
}

bool environment_state_check(const EnvironmentState *state, GError **error) {
  if (state->source == NULL || state->source->problem == NULL)
    return true;
  g_propagate_error(error, g_error_copy(state->source->problem));
  return false;
}

/* ---- what older ones say ---------------------------------------------------------------------------------
 */

/* One deployment is one object, whichever reading it came with: the first; but what ended between two
 * readings is what the later one says. */
static const Deployment *known_as(const EnvironmentState *state, Deployment *deployment) {
  const Deployment *known = g_hash_table_lookup(state->by_id, &deployment->id);
  if (known != NULL && known->status == deployment->status)
    return known;
  g_hash_table_replace(state->by_id, &deployment->id, deployment);
  return deployment;
}

static void take_over(const EnvironmentState *state, const EnvironmentState *told, gint64 release) {
  GHashTable *const to[] = {state->verified, state->bad, state->newest, state->attempts};
  GHashTable *const from[] = {told->verified, told->bad, told->newest, told->attempts};
  for (guint i = 0; i < G_N_ELEMENTS(to); i++) {
    gpointer key = NULL, deployment = NULL;
    if (g_hash_table_lookup_extended(from[i], &release, &key, &deployment))
      g_hash_table_replace(to[i], key, (gpointer)known_as(state, deployment));
    else
      g_hash_table_remove(to[i], &release);
  }
  g_hash_table_add(state->source->known, g_memdup2(&release, sizeof release));
}

/* `read`: all that is about these releases; taken. */
static void fold_in(const EnvironmentState *state, GPtrArray *read, const GArray *releases) {
  StateSource *source = state->source;
  leave_out(read, source->is_left_out, source->besides);
  g_ptr_array_add(source->owned, read);
  g_autoptr(EnvironmentState) told = environment_state_new(state->environment, read);
  for (guint i = 0; i < releases->len; i++)
    take_over(state, told, g_array_index(releases, gint64, i));
}

static void learn_all(const EnvironmentState *state) {
  StateSource *source = state->source;
  GPtrArray *read = NULL;
  g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
  g_autoptr(GArray) releases = g_array_new(FALSE, FALSE, sizeof(gint64));
  if (!history_list_deployments(source->history, state->environment, 0, &read, &source->problem))
    return;
  for (guint i = 0; i < read->len; i++) {
    const Deployment *deployment = read->pdata[i];
    if (g_hash_table_add(seen, (gpointer)&deployment->release))
      g_array_append_val(releases, deployment->release);
  }
  fold_in(state, read, releases);
  source->knows_all = true;
}

static bool is_learnt(const StateSource *source, gint64 release) {
  return source->knows_all || source->problem != NULL || release == 0 ||
         g_hash_table_contains(source->known, &release);
}

static void learn(const EnvironmentState *state, const GArray *releases) {
  StateSource *source = state->source;
  GPtrArray *read = NULL;
  if (releases->len == 0)
    return;
  if (g_hash_table_size(source->known) + releases->len > ASKED_MAX)
    learn_all(state);
  else if (history_list_deployments_about(source->history, state->environment, releases, &read,
                                          &source->problem))
    fold_in(state, read, releases);
}

void state_source_learn(const EnvironmentState *state, gint64 release) {
  if (state->source == NULL || is_learnt(state->source, release))
    return;
  g_autoptr(GArray) releases = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_array_append_val(releases, release);
  learn(state, releases);
}

void environment_state_expect(const EnvironmentState *state, const GPtrArray *releases) {
  g_autoptr(GArray) unknown = g_array_new(FALSE, FALSE, sizeof(gint64));
  if (state->source == NULL)
    return;
  for (guint i = 0; i < releases->len; i++) {
    const gint64 release = ((const Release *)releases->pdata[i])->id;
    if (!is_learnt(state->source, release))
      g_array_append_val(unknown, release);
  }
  learn(state, unknown);
}

void state_source_learn_left(const EnvironmentState *state) {
  StateSource *source = state->source;
  g_autoptr(GArray) left = NULL;
  if (source == NULL || source->knows_all || source->problem != NULL ||
      !history_list_left_releases(source->history, state->environment, &left, &source->problem))
    return;
  for (guint i = left->len; i > 0; i--)
    if (is_learnt(source, g_array_index(left, gint64, i - 1)))
      g_array_remove_index_fast(left, i - 1);
  learn(state, left);
}

/* ---- one deployment --------------------------------------------------------------------------------------
 */

static const Deployment *take_one(const EnvironmentState *state, GPtrArray *found) {
  StateSource *source = state->source;
  leave_out(found, source->is_left_out, source->besides);
  g_ptr_array_add(source->owned, found);
  Deployment *deployment = found->len > 0 ? found->pdata[0] : NULL;
  bool is_ours = deployment != NULL && g_str_equal(deployment->environment, state->environment);
  return is_ours ? known_as(state, deployment) : NULL;
}

const Deployment *state_source_find(const EnvironmentState *state, gint64 id) {
  Deployment *deployment = NULL;
  if (state->source == NULL || state->source->problem != NULL || id == 0 ||
      !history_get_deployment(state->source->history, id, &deployment, &state->source->problem) ||
      deployment == NULL)
    return NULL;
  GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_free);
  g_ptr_array_add(found, deployment);
  return take_one(state, found);
}

const Deployment *state_source_find_uid(const EnvironmentState *state, const char *uid) {
  g_autoptr(GPtrArray) uids = g_ptr_array_new();
  GPtrArray *found = NULL;
  if (state->source == NULL || state->source->problem != NULL)
    return NULL;
  g_ptr_array_add(uids, (gpointer)uid);
  return history_find_deployments(state->source->history, uids, &found, &state->source->problem)
             ? take_one(state, found)
             : NULL;
}
