/* The gates, a row each, and the choice that `promote` makes with them. */
#include "pipelines/gates.h"

#include "support/text.h"

#include "support/poison.h"

#define R "r%" G_GINT64_FORMAT
#define D "d%" G_GINT64_FORMAT

typedef bool GateQuestion(const Release *release, const EnvironmentState *state,
                          const EnvironmentState *before, char **answer);

static bool ask_hold(const Release *release, const EnvironmentState *state, const EnvironmentState *before,
                     char **answer) {
  const Hold *hold = state->hold;
  (void)release;
  (void)before;
  if (hold == NULL) {
    *answer = g_strdup_printf("%s is not held", state->environment);
    return true;
  }
  g_autofree char *since = time_format(hold->since);
  *answer = g_strdup_printf("%s is held by %s since %s: %s; `slipway unhold %s` lifts that, --force --reason "
                            "TEXT passes",
                            state->environment, hold->actor, since, hold->reason, state->environment);
  return false;
}

/* Why the environment before does not vouch for the release. Caller frees. */
static char *missing_verification(gint64 release, const EnvironmentState *before) {
  const Deployment *deployment;
  if (environment_marks_bad(before, release, &deployment))
    return g_strdup_printf(D " rolled back from it", deployment->id);
  deployment = environment_attempt_of(before, release);
  if (deployment == NULL)
    return g_strdup("it never ran there");
  if (deployment->status == STATUS_SUCCEEDED)
    return g_strdup_printf("its deployment " D
                           " left out a host, which `slipway deploy %s --as-is` catches up",
                           deployment->id, before->environment);
  if (deployment->status == STATUS_RUNNING)
    return g_strdup_printf("its deployment " D " is still running", deployment->id);
  return g_strdup_printf("its deployment " D " ended %s", deployment->id,
                         deployment_status_name(deployment->status));
}

static bool ask_verified(const Release *release, const EnvironmentState *state,
                         const EnvironmentState *before, char **answer) {
  const Deployment *current = environment_current(state);
  if (before == NULL) {
    *answer = g_strdup_printf("no environment stands before %s", state->environment);
    return true;
  }
  if (environment_has_verified(before, release->id)) {
    *answer = g_strdup_printf(R " is verified in %s (" D ")", release->id, before->environment,
                              environment_newest_of(before, release->id)->id);
    return true;
  }
  if (current != NULL && current->release == release->id) {
    *answer = g_strdup_printf("%s runs " R " already (" D ")", state->environment, release->id, current->id);
    return true;
  }
  g_autofree char *reason = missing_verification(release->id, before);
  *answer =
      g_strdup_printf(R " is not verified in %s: %s; deploy it there first, or --force --reason TEXT passes",
                      release->id, before->environment, reason);
  return false;
}

static bool ask_bad(const Release *release, const EnvironmentState *state, const EnvironmentState *before,
                    char **answer) {
  const Deployment *rollback;
  (void)before;
  if (!environment_marks_bad(state, release->id, &rollback)) {
    *answer = g_strdup_printf(R " is not marked bad in %s", release->id, state->environment);
    return true;
  }
  *answer = g_strdup_printf(R " is marked bad in %s: " D " rolled back from it; --force --reason TEXT passes",
                            release->id, state->environment, rollback->id);
  return false;
}

/* What promote does with a release that the gate keeps out. */
typedef enum {
  REFUSAL_WAITS,
  REFUSAL_SKIPS,
  REFUSAL_HOLDS, /* asks about no release at all: whichever it would be waits */
} Refusal;

typedef struct {
  const char *name;
  GateQuestion *ask;
  Refusal refusal;
} Gate;

static const Gate gates[] = {
    {"hold", ask_hold, REFUSAL_HOLDS},
    {"verified", ask_verified, REFUSAL_WAITS},
    {"bad", ask_bad, REFUSAL_SKIPS},
};

void gate_answer_free(GateAnswer *answer) {
  if (answer == NULL)
    return;
  g_free(answer->answer);
  g_free(answer);
}

bool gates_ask(const Release *release, const EnvironmentState *state, const EnvironmentState *before,
               GPtrArray **answers) {
  g_autoptr(GPtrArray) given = g_ptr_array_new_with_free_func((GDestroyNotify)gate_answer_free);
  bool all_pass = true;
  for (gsize i = 0; i < G_N_ELEMENTS(gates); i++) {
    GateAnswer *answer = g_new0(GateAnswer, 1);
    answer->name = gates[i].name;
    answer->passes = gates[i].ask(release, state, before, &answer->answer);
    all_pass = all_pass && answer->passes;
    g_ptr_array_add(given, answer);
  }
  *answers = g_steal_pointer(&given);
  return all_pass;
}

void promote_choice_clear(PromoteChoice *choice) {
  g_clear_pointer(&choice->why, g_free);
}

/* The gate that keeps the release out, those for good first; NULL: none. */
static const Gate *find_refusal(const Release *release, const EnvironmentState *state,
                                const EnvironmentState *before, char **why) {
  const Gate *refusal = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(gates); i++) {
    g_autofree char *answer = NULL;
    if (gates[i].refusal == REFUSAL_HOLDS || gates[i].ask(release, state, before, &answer) ||
        (refusal != NULL && gates[i].refusal != REFUSAL_SKIPS))
      continue;
    refusal = &gates[i];
    g_free(*why);
    *why = g_steal_pointer(&answer);
  }
  return refusal;
}

static char *nothing_newer(const GPtrArray *releases, const EnvironmentState *state, const char *skipped) {
  const Deployment *current = environment_current(state);
  if (releases->len == 0)
    return g_strdup("there is no release yet: `slipway release create` makes one");
  g_autofree char *runs = current == NULL ? g_strdup_printf("%s runs nothing", state->environment)
                                          : g_strdup_printf("%s runs " R " (%s)", state->environment,
                                                            current->release, current->version);
  return skipped == NULL ? g_strdup_printf("%s, and there is no newer release", runs)
                         : g_strdup_printf("%s, and no newer release may go there: %s", runs, skipped);
}

/* As if nothing held the environment. */
static void choose_release(const GPtrArray *releases, const EnvironmentState *state,
                           const EnvironmentState *before, PromoteChoice *choice) {
  const Deployment *current = environment_current(state);
  const Release *waiting = NULL;
  g_autofree char *why_waiting = NULL;
  g_autofree char *why_skipped = NULL;
  for (guint i = 0; i < releases->len; i++) {
    const Release *release = releases->pdata[i];
    if (current != NULL && release->id <= current->release)
      break;
    g_autofree char *why = NULL;
    const Gate *refusal = find_refusal(release, state, before, &why);
    if (refusal == NULL) {
      *choice = (PromoteChoice){.outcome = PROMOTE_RELEASE, .release = release};
      return;
    }
    if (refusal->refusal == REFUSAL_SKIPS && why_skipped == NULL)
      why_skipped = g_steal_pointer(&why);
    if (refusal->refusal == REFUSAL_WAITS && waiting == NULL) {
      waiting = release;
      why_waiting = g_steal_pointer(&why);
    }
  }
  if (waiting != NULL)
    *choice =
        (PromoteChoice){.outcome = PROMOTE_WAITS, .release = waiting, .why = g_steal_pointer(&why_waiting)};
  else
    *choice =
        (PromoteChoice){.outcome = PROMOTE_NOTHING_NEWER, .why = nothing_newer(releases, state, why_skipped)};
}

/* Also when there is nothing newer: a build that asks must not take "held" for "done". */
static void hold_back(const char *answer, PromoteChoice *choice) {
  g_autofree char *why = choice->why;
  choice->why =
      choice->outcome == PROMOTE_NOTHING_NEWER ? g_strdup_printf("%s (%s)", answer, why) : g_strdup(answer);
  choice->outcome = PROMOTE_WAITS;
}

void promote_choose(GPtrArray *releases, const EnvironmentState *state, const EnvironmentState *before,
                    PromoteChoice *choice) {
  choose_release(releases, state, before, choice);
  for (gsize i = 0; i < G_N_ELEMENTS(gates); i++) {
    g_autofree char *answer = NULL;
    if (gates[i].refusal == REFUSAL_HOLDS && !gates[i].ask(choice->release, state, before, &answer))
      hold_back(answer, choice);
  }
}
