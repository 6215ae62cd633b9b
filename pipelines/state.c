/* The fold over an environment's deployments, oldest first, one rule of design §4 a function. */
#include "pipelines/state.h"

#include "pipelines/state_source.h"
#include "support/errors.h"
#include "support/poison.h"

/* The keys point into the deployments. */
static GHashTable *table_by_id(void) {
  return g_hash_table_new(g_int64_hash, g_int64_equal);
}

static void keep(GHashTable *table, const gint64 *id, const Deployment *deployment) {
  if (*id != 0)
    g_hash_table_replace(table, (gpointer)id, (gpointer)deployment);
}

/* ---- one deployment
 * --------------------------------------------------------------------------------------------------- */

static guint count_hosts(const Deployment *deployment, HostStatus status) {
  guint count = 0;
  for (guint i = 0; i < deployment->hosts->len; i++)
    count += ((const DeploymentHost *)deployment->hosts->pdata[i])->status == status ? 1 : 0;
  return count;
}

bool deployment_counts(const Deployment *deployment) {
  guint well = count_hosts(deployment, HOST_CHANGED) + count_hosts(deployment, HOST_UNCHANGED);
  guint skipped = count_hosts(deployment, HOST_SKIPPED);
  return deployment->kind != KIND_DOWN && deployment->status == STATUS_SUCCEEDED &&
         well + skipped == deployment->hosts->len && (well > 0 || skipped == 0);
}

bool deployment_skips_a_host(const Deployment *deployment) {
  return count_hosts(deployment, HOST_SKIPPED) > 0;
}

/* Refused, not ready, or failed before a container changed: as if it had never been. */
static bool changed_nothing(const Deployment *deployment) {
  if (deployment->exit_code >= 2 && deployment->exit_code <= 4)
    return true;
  bool ended_early = deployment->status == STATUS_FAILED || deployment->status == STATUS_INTERRUPTED;
  return ended_early && !deployment->touched;
}

static bool has_same_content(const Deployment *a, const Deployment *b) {
  return a != NULL && b != NULL && a->content != NULL && g_strcmp0(a->content, b->content) == 0;
}

/* ---- the fold
 * ---------------------------------------------------------------------------------------------------------
 */

/* A first deployment that finds its containers running touches none and is pushed all the same: its images
 * are not the top's, or there is no top. */
static bool adds_to_stack(const Deployment *top, const Deployment *deployment) {
  if (top == NULL)
    return true;
  if (has_same_content(top, deployment))
    return false;
  return deployment->kind == KIND_ROLLBACK || deployment->touched ||
         g_strcmp0(top->images, deployment->images) != 0;
}

static void push(EnvironmentState *state, const Deployment *deployment) {
  if (adds_to_stack(environment_top(state), deployment))
    g_ptr_array_add(state->stack, (gpointer)deployment);
}

/* What it restores is then the top. */
static void pop(EnvironmentState *state, const Deployment *rollback) {
  for (guint i = state->stack->len; i > 0; i--) {
    const Deployment *entry = state->stack->pdata[i - 1];
    if (entry->id == rollback->restores) {
      g_ptr_array_set_size(state->stack, (gint)i);
      return;
    }
  }
  state->missed_restored = true;
  push(state, rollback);
}

static void move_stack(EnvironmentState *state, const Deployment *deployment) {
  if (deployment->kind != KIND_ROLLBACK || deployment->move == MOVE_PUSH)
    push(state, deployment);
  else if (deployment->move == MOVE_POP)
    pop(state, deployment);
}

/* An attempt that was only interrupted says nothing about its release. */
static void mark_left_release(EnvironmentState *state, const Deployment *rollback) {
  const Deployment *left = g_hash_table_lookup(state->by_id, &rollback->leaves);
  if (rollback->kind != KIND_ROLLBACK || left == NULL || left->release == rollback->release ||
      left->status == STATUS_INTERRUPTED || left->status == STATUS_RUNNING)
    return;
  g_hash_table_remove(state->verified, &left->release);
  keep(state->bad, &left->release, rollback);
}

/* One that changed nothing does not begin the time anew. */
static void verify(EnvironmentState *state, const Deployment *deployment) {
  const Deployment *since = g_hash_table_lookup(state->verified, &deployment->release);
  if (since == NULL || deployment->touched || !has_same_content(since, deployment))
    keep(state->verified, &deployment->release, deployment);
}

static void fold_counting(EnvironmentState *state, const Deployment *deployment) {
  move_stack(state, deployment);
  mark_left_release(state, deployment);
  if (deployment_skips_a_host(deployment))
    g_hash_table_remove(state->verified, &deployment->release);
  else
    verify(state, deployment);
  keep(state->newest, &deployment->release, deployment);
  g_hash_table_remove(state->bad, &deployment->release);
  state->newest_counting = deployment;
  state->down = NULL;
}

/* Where it ran, and what ran there since, this history does not know: it says that the release is good,
 * unless this history knows better. */
static void fold_vouching(EnvironmentState *state, const Deployment *deployment) {
  if (deployment_counts(deployment) && !deployment_skips_a_host(deployment) &&
      !g_hash_table_contains(state->bad, &deployment->release))
    verify(state, deployment);
}

static void fold_deployment(EnvironmentState *state, const Deployment *deployment) {
  keep(state->by_id, &deployment->id, deployment);
  if (deployment->move == MOVE_NONE) {
    fold_vouching(state, deployment);
    return;
  }
  if (deployment->status == STATUS_RUNNING)
    state->running = deployment;
  if (changed_nothing(deployment))
    return;
  state->last = deployment;
  keep(state->attempts, &deployment->release, deployment);
  if (deployment_counts(deployment))
    fold_counting(state, deployment);
  else if (deployment->kind == KIND_DOWN && deployment->status == STATUS_SUCCEEDED)
    state->down = deployment;
}

static EnvironmentState *state_alloc(const char *environment) {
  EnvironmentState *state = g_new0(EnvironmentState, 1);
  state->environment = g_strdup(environment);
  state->stack = g_ptr_array_new();
  state->verified = table_by_id();
  state->bad = table_by_id();
  state->newest = table_by_id();
  state->attempts = table_by_id();
  state->by_id = table_by_id();
  return state;
}

EnvironmentState *environment_state_new(const char *environment, GPtrArray *deployments) {
  EnvironmentState *state = state_alloc(environment);
  for (guint i = deployments->len; i > 0; i--)
    fold_deployment(state, deployments->pdata[i - 1]);
  return state;
}

/* ---- of the newest alone
 * --------------------------------------------------------------------------------------------------- */

/* Whatever was on the stack, after this one the top's content is its own. */
static bool sets_top(const Deployment *deployment) {
  bool is_push = deployment->kind == KIND_ROLLBACK ? deployment->move == MOVE_PUSH
                                                   : deployment->move != MOVE_NONE && deployment->touched;
  return is_push && deployment_counts(deployment);
}

/* The oldest that is on the stack whatever was there before it: the one that counted before it set the top to
 * another content. Returns how many deployments begin with it; 0: there is none. */
static guint count_from_certain(const GPtrArray *deployments) {
  const Deployment *previous = NULL;
  for (guint i = deployments->len; i > 0; i--) {
    const Deployment *deployment = deployments->pdata[i - 1];
    if (!deployment_counts(deployment) || deployment->move == MOVE_NONE)
      continue;
    if (previous != NULL && sets_top(previous) && sets_top(deployment) &&
        !has_same_content(previous, deployment))
      return i;
    previous = deployment;
  }
  return 0;
}

EnvironmentState *state_of_newest(const char *environment, GPtrArray *deployments, guint depth) {
  guint count = count_from_certain(deployments);
  g_autoptr(EnvironmentState) state = state_alloc(environment);
  for (guint i = deployments->len; i > count; i--) {
    const Deployment *deployment = deployments->pdata[i - 1];
    keep(state->by_id, &deployment->id, deployment);
  }
  for (guint i = count; i > 0; i--)
    fold_deployment(state, deployments->pdata[i - 1]);
  return state->stack->len >= depth && !state->missed_restored ? g_steal_pointer(&state) : NULL;
}

void environment_state_free(EnvironmentState *state) {
  if (state == NULL)
    return;
  g_free(state->environment);
  g_ptr_array_unref(state->stack);
  g_hash_table_unref(state->verified);
  g_hash_table_unref(state->bad);
  g_hash_table_unref(state->newest);
  g_hash_table_unref(state->attempts);
  g_hash_table_unref(state->by_id);
  state_source_free(state->source);
  g_free(state);
}

/* ---- questions
 * -------------------------------------------------------------------------------------------------------- */

const Deployment *environment_top(const EnvironmentState *state) {
  return state->stack->len > 0 ? state->stack->pdata[state->stack->len - 1] : NULL;
}

const Deployment *environment_current(const EnvironmentState *state) {
  return state->down == NULL ? environment_top(state) : NULL;
}

const Deployment *environment_newest_of(const EnvironmentState *state, gint64 release) {
  state_source_learn(state, release);
  return g_hash_table_lookup(state->newest, &release);
}

const Deployment *environment_attempt_of(const EnvironmentState *state, gint64 release) {
  state_source_learn(state, release);
  return g_hash_table_lookup(state->attempts, &release);
}

bool environment_has_verified(const EnvironmentState *state, gint64 release) {
  return environment_verified_by(state, release) != NULL;
}

const Deployment *environment_verified_by(const EnvironmentState *state, gint64 release) {
  state_source_learn(state, release);
  return g_hash_table_lookup(state->verified, &release);
}

bool environment_marks_bad(const EnvironmentState *state, gint64 release, const Deployment **rollback) {
  state_source_learn(state, release);
  const Deployment *found = g_hash_table_lookup(state->bad, &release);
  if (rollback != NULL)
    *rollback = found;
  return found != NULL;
}

GArray *environment_bad_releases(const EnvironmentState *state) {
  GArray *bad = g_array_new(FALSE, FALSE, sizeof(gint64));
  GHashTableIter iterator;
  gpointer release = NULL;
  state_source_learn_left(state);
  g_hash_table_iter_init(&iterator, state->bad);
  while (g_hash_table_iter_next(&iterator, &release, NULL))
    g_array_append_vals(bad, release, 1);
  return bad;
}

const Deployment *environment_deployment(const EnvironmentState *state, gint64 id) {
  const Deployment *found = g_hash_table_lookup(state->by_id, &id);
  return found != NULL ? found : state_source_find(state, id);
}

const Deployment *environment_deployment_of_uid(const EnvironmentState *state, const char *uid) {
  GHashTableIter iterator;
  gpointer deployment = NULL;
  g_hash_table_iter_init(&iterator, state->by_id);
  while (g_hash_table_iter_next(&iterator, NULL, &deployment))
    if (g_str_equal(((const Deployment *)deployment)->uid, uid))
      return deployment;
  return state_source_find_uid(state, uid);
}

bool environment_is_unsettled(const EnvironmentState *state) {
  return state->last != NULL &&
         (state->last->status == STATUS_RUNNING || state->last->status == STATUS_INTERRUPTED ||
          state->last->status == STATUS_BROKEN);
}

/* ---- rollback
 * ---------------------------------------------------------------------------------------------------------
 */

#define CANDIDATES_SHOWN 5
/* What is shown, and the top with what is below it, must be there in a state that was read in part. */
G_STATIC_ASSERT(ENVIRONMENT_STACK_DEPTH >= CANDIDATES_SHOWN && ENVIRONMENT_STACK_DEPTH >= 2);

/* "d12 (r7, 1.4.0)" */
static char *describe(const Deployment *deployment) {
  if (deployment->release == 0)
    return g_strdup_printf("d%" G_GINT64_FORMAT, deployment->id);
  return g_strdup_printf("d%" G_GINT64_FORMAT " (r%" G_GINT64_FORMAT ", %s)", deployment->id,
                         deployment->release, deployment->version);
}

/* What --to could name: the stack, newest first. */
static char *describe_stack(const EnvironmentState *state) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < state->stack->len && i < CANDIDATES_SHOWN; i++) {
    g_autofree char *entry = describe(state->stack->pdata[state->stack->len - 1 - i]);
    g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", entry);
  }
  if (state->stack->len == 0)
    g_string_append(text, "nothing");
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool target_named(const EnvironmentState *state, const Deployment *to, RollbackTarget *target,
                         GError **error) {
  const Deployment *top = environment_top(state);
  bool is_unsettled = environment_is_unsettled(state) || state->down != NULL;
  g_autofree char *named = describe(to);
  if (!deployment_counts(to)) {
    g_autofree char *candidates = describe_stack(state);
    return fail(
        error, SLIPWAY_ERROR_REFUSED,
        "%s: %s did not succeed on all its hosts, so there is nothing sure to go back to; there is: %s",
        state->environment, named, candidates);
  }
  if (!is_unsettled && (to == top || has_same_content(to, top)))
    return fail(error, SLIPWAY_ERROR_REFUSED, "%s already runs %s", state->environment, named);
  *target = (RollbackTarget){.restores = to, .leaves = is_unsettled ? state->last : top, .move = MOVE_PUSH};
  return true;
}

/* A rollback that was interrupted, or that failed on a host, goes on when it is asked for again: the top is
 * what it was leaving. */
static bool target_resumed(const EnvironmentState *state, RollbackTarget *target) {
  const Deployment *last = state->last;
  const Deployment *restores = environment_deployment(state, last->restores);
  const Deployment *leaves = environment_deployment(state, last->leaves);
  if (last->kind != KIND_ROLLBACK || restores == NULL || leaves == NULL)
    return false;
  *target = (RollbackTarget){.restores = restores, .leaves = leaves, .move = last->move};
  return true;
}

static bool target_top(const EnvironmentState *state, RollbackTarget *target, GError **error) {
  const Deployment *top = environment_top(state);
  if (top == NULL)
    return fail(error, SLIPWAY_ERROR_REFUSED,
                "%s: its first deployment never succeeded, so there is nothing to go back to; "
                "run `slipway deploy %s RELEASE` again",
                state->environment, state->environment);
  *target = (RollbackTarget){.restores = top, .leaves = state->last, .move = MOVE_RETURN};
  return true;
}

static bool target_below(const EnvironmentState *state, RollbackTarget *target, GError **error) {
  const Deployment *top = environment_top(state);
  bool is_already_restored = state->last != NULL && state->last->status == STATUS_FAILED;
  if (top == NULL)
    return fail(error, SLIPWAY_ERROR_REFUSED, "%s: nothing was ever deployed there successfully",
                state->environment);
  if (state->stack->len == 1) {
    g_autofree char *current = describe(top);
    g_autofree char *attempt =
        is_already_restored
            ? g_strdup_printf("; d%" G_GINT64_FORMAT " failed and was put back already", state->last->id)
            : NULL;
    return fail(error, SLIPWAY_ERROR_REFUSED, "%s runs %s, and there is nothing before it to go back to%s",
                state->environment, current, attempt == NULL ? "" : attempt);
  }
  *target = (RollbackTarget){.restores = state->stack->pdata[state->stack->len - 2],
                             .leaves = top,
                             .move = MOVE_POP,
                             .is_already_restored = is_already_restored};
  return true;
}

bool environment_rollback_target(const EnvironmentState *state, const Deployment *to, RollbackTarget *target,
                                 GError **error) {
  if (to != NULL)
    return target_named(state, to, target, error);
  if (environment_is_unsettled(state))
    return target_resumed(state, target) || target_top(state, target, error);
  return state->down != NULL ? target_top(state, target, error) : target_below(state, target, error);
}
