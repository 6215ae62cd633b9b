/* The gates, a row each, and the choice that `promote` makes with them. */
#include "pipelines/gates.h"

#include <string.h>

#include "environments/config/window.h"
#include "support/text.h"

#include "support/poison.h"

#define R     "r%" G_GINT64_FORMAT
#define D     "d%" G_GINT64_FORMAT
#define FORCE "--force --reason TEXT passes"

GPtrArray *gates_required(const Config *config, const Environment *environment) {
  GPtrArray *names = g_ptr_array_new();
  const char *before = config_environment_before(config, environment->name);
  if (environment->gates.has_requires)
    g_ptr_array_extend(names, environment->gates.requires, NULL, NULL);
  else if (before != NULL)
    g_ptr_array_add(names, (gpointer)before);
  return names;
}

/* Sets answer, and brief and until where there is more to say; returns whether the release may pass. */
typedef bool GateQuestion(const GateFacts *facts, const Release *release, GateAnswer *answer);

static bool runs_already(const GateFacts *facts, const Release *release) {
  const Deployment *current = environment_current(facts->state);
  return current != NULL && current->release == release->id;
}

/* "14:10" today, else "Mon 23 Nov 09:00": on this machine's clock. Caller frees. */
static char *moment_word(gint64 then, gint64 now) {
  g_autoptr(GDateTime) moment = g_date_time_new_from_unix_local(then / G_USEC_PER_SEC);
  g_autoptr(GDateTime) today = g_date_time_new_from_unix_local(now / G_USEC_PER_SEC);
  bool is_today = g_date_time_get_year(moment) == g_date_time_get_year(today) &&
                  g_date_time_get_day_of_year(moment) == g_date_time_get_day_of_year(today);
  return g_date_time_format(moment, is_today ? "%H:%M" : "%a %-d %b %H:%M");
}

/* ---- hold, bad -------------------------------------------------------------------------------------------
 */

static bool ask_hold(const GateFacts *facts, const Release *release, GateAnswer *answer) {
  const EnvironmentState *state = facts->state;
  const Hold *hold = state->hold;
  (void)release;
  if (hold == NULL) {
    answer->answer = g_strdup_printf("%s is not held", state->environment);
    return true;
  }
  g_autofree char *since = time_format(hold->since);
  answer->answer = g_strdup_printf("%s is held by %s since %s: %s; `slipway unhold %s` lifts that, " FORCE,
                                   state->environment, hold->actor, since, hold->reason, state->environment);
  return false;
}

static bool ask_bad(const GateFacts *facts, const Release *release, GateAnswer *answer) {
  const Deployment *rollback;
  if (!environment_marks_bad(facts->state, release->id, &rollback)) {
    answer->answer = g_strdup_printf(R " is not marked bad in %s", release->id, facts->state->environment);
    return true;
  }
  answer->answer = g_strdup_printf(R " is marked bad in %s: " D " rolled back from it; " FORCE, release->id,
                                   facts->state->environment, rollback->id);
  return false;
}

/* ---- verified --------------------------------------------------------------------------------------------
 */

/* Why that environment does not vouch for the release. Caller frees. */
static char *missing_verification(gint64 release, const EnvironmentState *required) {
  const Deployment *deployment;
  if (environment_marks_bad(required, release, &deployment))
    return g_strdup_printf(D " rolled back from it", deployment->id);
  deployment = environment_attempt_of(required, release);
  if (deployment == NULL)
    return g_strdup("it never ran there");
  if (deployment->status == STATUS_SUCCEEDED)
    return g_strdup_printf("its deployment " D
                           " left out a host, which `slipway deploy %s --as-is` catches up",
                           deployment->id, required->environment);
  if (deployment->status == STATUS_RUNNING)
    return g_strdup_printf("its deployment " D " is still running", deployment->id);
  return g_strdup_printf("its deployment " D " ended %s", deployment->id,
                         deployment_status_name(deployment->status));
}

static void append_part(GString *text, const char *part) {
  g_string_append_printf(text, "%s%s", text->len > 0 ? "; " : "", part);
}

static bool nothing_required(const GateFacts *facts, GateAnswer *answer) {
  if (facts->required->len > 0)
    return false;
  answer->answer = g_strdup_printf(facts->gates->has_requires ? "%s requires no other environment"
                                                              : "no environment stands before %s",
                                   facts->state->environment);
  return true;
}

static bool ask_verified(const GateFacts *facts, const Release *release, GateAnswer *answer) {
  g_autoptr(GString) verified = g_string_new(NULL);
  g_autoptr(GString) missing = g_string_new(NULL);
  if (nothing_required(facts, answer))
    return true;
  for (guint i = 0; i < facts->required->len; i++) {
    const EnvironmentState *required = facts->required->pdata[i];
    bool is_verified = environment_has_verified(required, release->id);
    g_autofree char *reason = is_verified ? NULL : missing_verification(release->id, required);
    g_autofree char *part =
        is_verified
            ? g_strdup_printf(R " is verified in %s (" D ")", release->id, required->environment,
                              environment_verified_by(required, release->id)->id)
            : g_strdup_printf(R " is not verified in %s: %s", release->id, required->environment, reason);
    append_part(is_verified ? verified : missing, part);
  }
  if (missing->len > 0 && runs_already(facts, release))
    answer->answer = g_strdup_printf("%s runs " R " already (" D ")", facts->state->environment, release->id,
                                     environment_current(facts->state)->id);
  else if (missing->len > 0)
    answer->answer = g_strdup_printf("%s; deploy it there first, or " FORCE, missing->str);
  else
    answer->answer = g_strdup(verified->str);
  return missing->len == 0 || runs_already(facts, release);
}

/* ---- soak ------------------------------------------------------------------------------------------------
 */

static bool wants_soak(const GatesConfig *gates) {
  return gates->soak_ms > 0;
}

/* When the last of them has soaked; *where vouches for it last. 0: it is not verified in one of them. */
static gint64 soaked_at(const GateFacts *facts, const Release *release, const EnvironmentState **where) {
  gint64 latest = 0;
  for (guint i = 0; i < facts->required->len; i++) {
    const EnvironmentState *required = facts->required->pdata[i];
    const Deployment *since = environment_verified_by(required, release->id);
    *where = latest == 0 || since == NULL ? required : *where;
    if (since == NULL)
      return 0;
    if (since->finished_at + facts->gates->soak_ms * 1000 > latest) {
      latest = since->finished_at + facts->gates->soak_ms * 1000;
      *where = required;
    }
  }
  return latest;
}

static bool ask_soak(const GateFacts *facts, const Release *release, GateAnswer *answer) {
  const EnvironmentState *where = NULL;
  if (nothing_required(facts, answer))
    return true;
  gint64 ready = soaked_at(facts, release, &where);
  g_autofree char *soak = duration_for_people(facts->gates->soak_ms);
  if (ready != 0 && ready <= facts->now) {
    answer->answer =
        g_strdup_printf(R " has been verified in %s for %s", release->id, where->environment, soak);
    return true;
  }
  if (runs_already(facts, release)) {
    answer->answer = g_strdup_printf("%s runs " R " already", facts->state->environment, release->id);
    return true;
  }
  if (ready == 0) {
    answer->answer =
        g_strdup_printf(R " has not begun its %s in %s; " FORCE, release->id, soak, where->environment);
    return false;
  }
  g_autofree char *moment = moment_word(ready, facts->now);
  g_autofree char *when = time_format(ready);
  answer->answer = g_strdup_printf(R " soaks in %s until %s, %s after it was verified there; " FORCE,
                                   release->id, where->environment, when, soak);
  answer->brief = g_strdup_printf("soaks until %s", moment);
  answer->until = ready;
  return false;
}

/* ---- approvals -------------------------------------------------------------------------------------------
 */

static bool wants_approvals(const GatesConfig *gates) {
  return gates->approvals > 0;
}

static bool is_about(const Approval *approval, const GateFacts *facts, const Release *release) {
  return approval->release == release->id && strcmp(approval->environment, facts->state->environment) == 0;
}

static bool ask_approvals(const GateFacts *facts, const Release *release, GateAnswer *answer) {
  const char *environment = facts->state->environment;
  guint given = 0;
  g_autoptr(GString) people = g_string_new(NULL);
  for (guint i = 0; i < facts->approvals->len; i++) {
    const Approval *approval = facts->approvals->pdata[i];
    if (!is_about(approval, facts, release))
      continue;
    g_string_append_printf(people, "%s%s", given++ > 0 ? ", " : ": ", approval->person);
    if (approval->is_claimed)
      g_string_append_printf(people, " (so says %s)", approval->actor);
  }
  g_autofree char *count = g_strdup_printf("approved by %u of %u", given, facts->gates->approvals);
  bool is_enough = given >= facts->gates->approvals;
  answer->answer =
      is_enough
          ? g_strdup_printf(R " is %s for %s%s", release->id, count, environment, people->str)
          : g_strdup_printf(R " is %s for %s%s; `slipway approve %s " R "` by another person, or " FORCE,
                            release->id, count, environment, people->str, environment, release->id);
  answer->brief = is_enough ? NULL : g_steal_pointer(&count);
  return is_enough;
}

/* ---- window ----------------------------------------------------------------------------------------------
 */

static bool wants_window(const GatesConfig *gates) {
  return gates->window->len > 0;
}

static char *join_words(const GPtrArray *words, const char *separator) {
  g_autoptr(GPtrArray) ended = g_ptr_array_new();
  g_ptr_array_extend(ended, (GPtrArray *)words, NULL, NULL);
  g_ptr_array_add(ended, NULL);
  return g_strjoinv(separator, (char **)ended->pdata);
}

static bool ask_window(const GateFacts *facts, const Release *release, GateAnswer *answer) {
  const char *environment = facts->state->environment;
  g_auto(WindowAnswer) window = {0};
  g_autofree char *windows = join_words(facts->gates->window, " or ");
  (void)release;
  windows_ask(facts->gates->window, facts->now, &window);
  if (window.is_open) {
    answer->answer = g_strdup_printf("the window of %s is open (%s)", environment, windows);
    return true;
  }
  if (window.opens_at == 0) {
    answer->answer =
        g_strdup_printf("the window of %s (%s) is closed%s%s; " FORCE, environment, windows,
                        window.problem != NULL ? ": " : "", window.problem != NULL ? window.problem : "");
    answer->brief = g_strdup("the window is closed");
    return false;
  }
  g_autofree char *when = time_format(window.opens_at);
  g_autofree char *moment = moment_word(window.opens_at, facts->now);
  answer->answer =
      g_strdup_printf("the window of %s (%s) is closed until %s; " FORCE, environment, windows, when);
  answer->brief = g_strdup_printf("the window opens %s", moment);
  answer->until = window.opens_at;
  return false;
}

/* ---- command ---------------------------------------------------------------------------------------------
 */

static bool wants_command(const GatesConfig *gates) {
  return gates->command->len > 0;
}

static bool leave_unasked(const GateFacts *facts, const Release *release, GateAnswer *answer) {
  g_autofree char *command = join_words(facts->gates->command, " ");
  (void)release;
  answer->is_asked = false;
  answer->answer = g_strdup_printf("not asked: %s is the last to be, when all others let it in", command);
  return false;
}

/* ---- all of them -----------------------------------------------------------------------------------------
 */

/* What promote does with a release that the gate keeps out; the worst counts. */
typedef enum {
  LETS_IN,
  WAITS,         /* for time or people */
  IS_UNVERIFIED, /* waits for a deployment elsewhere */
  IS_SKIPPED,    /* for good */
  HOLDS,         /* asks about no release at all: whichever it would be waits */
  ASKED_LAST,    /* by the caller */
} Refusal;

typedef struct {
  const char *name;
  bool (*is_wanted)(const GatesConfig *gates); /* NULL: always */
  GateQuestion *ask;
  Refusal refusal;
} Gate;

static const Gate gates[] = {
    {"hold", NULL, ask_hold, HOLDS},
    {"verified", NULL, ask_verified, IS_UNVERIFIED},
    {"bad", NULL, ask_bad, IS_SKIPPED},
    {"soak", wants_soak, ask_soak, WAITS},
    {"approvals", wants_approvals, ask_approvals, WAITS},
    {"window", wants_window, ask_window, WAITS},
    {"command", wants_command, leave_unasked, ASKED_LAST},
};

void gate_answer_free(GateAnswer *answer) {
  if (answer == NULL)
    return;
  g_free(answer->answer);
  g_free(answer->brief);
  g_free(answer);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GateAnswer, gate_answer_free)

static GateAnswer *ask(const Gate *gate, const GateFacts *facts, const Release *release) {
  GateAnswer *answer = g_new0(GateAnswer, 1);
  answer->name = gate->name;
  answer->is_asked = true;
  answer->passes = gate->ask(facts, release, answer);
  return answer;
}

static bool is_wanted(const Gate *gate, const GateFacts *facts) {
  return gate->is_wanted == NULL || gate->is_wanted(facts->gates);
}

bool gates_ask(const GateFacts *facts, const Release *release, GPtrArray **answers) {
  g_autoptr(GPtrArray) given = g_ptr_array_new_with_free_func((GDestroyNotify)gate_answer_free);
  bool all_pass = true;
  for (gsize i = 0; i < G_N_ELEMENTS(gates); i++) {
    if (!is_wanted(&gates[i], facts))
      continue;
    GateAnswer *answer = ask(&gates[i], facts, release);
    all_pass = all_pass && (answer->passes || !answer->is_asked);
    g_ptr_array_add(given, answer);
  }
  *answers = g_steal_pointer(&given);
  return all_pass;
}

/* ---- promote ---------------------------------------------------------------------------------------------
 */

void promote_choice_clear(PromoteChoice *choice) {
  g_clear_pointer(&choice->why, g_free);
  g_clear_pointer(&choice->brief, g_free);
}

/* What keeps one release out. */
typedef struct {
  Refusal refusal;
  GString *why, *brief; /* of the worst */
  gint64 until;         /* the latest; 0: there is none */
  bool needs_more_than_time;
} Verdict;

static void verdict_clear(Verdict *verdict) {
  g_string_free(verdict->why, TRUE);
  g_string_free(verdict->brief, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verdict, verdict_clear)

static void add_refusal(Verdict *verdict, Refusal refusal, const GateAnswer *answer) {
  if (refusal < verdict->refusal)
    return;
  if (refusal > verdict->refusal) {
    g_string_truncate(verdict->why, 0);
    g_string_truncate(verdict->brief, 0);
    verdict->refusal = refusal;
  }
  append_part(verdict->why, answer->answer);
  append_part(verdict->brief, answer->brief != NULL ? answer->brief : answer->answer);
  verdict->until = MAX(verdict->until, answer->until);
  verdict->needs_more_than_time = verdict->needs_more_than_time || answer->until == 0;
}

static void judge(const GateFacts *facts, const Release *release, Verdict *verdict) {
  *verdict = (Verdict){.why = g_string_new(NULL), .brief = g_string_new(NULL)};
  for (gsize i = 0; i < G_N_ELEMENTS(gates); i++) {
    if (gates[i].refusal >= HOLDS || !is_wanted(&gates[i], facts))
      continue;
    g_autoptr(GateAnswer) answer = ask(&gates[i], facts, release);
    if (!answer->passes)
      add_refusal(verdict, gates[i].refusal, answer);
  }
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

/* `verdict` on `release`, unless one that came before it is nearer. */
static void note_waiting(PromoteChoice *waiting, Refusal *nearest, const Release *release,
                         const Verdict *verdict) {
  if (verdict->refusal > IS_UNVERIFIED || verdict->refusal >= *nearest)
    return;
  promote_choice_clear(waiting);
  *nearest = verdict->refusal;
  *waiting = (PromoteChoice){
      .outcome = PROMOTE_WAITS,
      .release = release,
      .why = g_strdup(verdict->why->str),
      .brief = verdict->refusal == WAITS ? g_strdup_printf(R ": %s", release->id, verdict->brief->str)
                                         : g_strdup(verdict->brief->str),
      .until = verdict->needs_more_than_time ? 0 : verdict->until,
  };
}

/* As if nothing held the environment. */
static void choose_release(const GateFacts *facts, const GPtrArray *releases, PromoteChoice *choice) {
  const Deployment *current = environment_current(facts->state);
  g_auto(PromoteChoice) waiting = {0};
  Refusal nearest = IS_SKIPPED;
  g_autofree char *why_skipped = NULL;
  for (guint i = 0; i < releases->len; i++) {
    const Release *release = releases->pdata[i];
    if (current != NULL && release->id == current->release)
      break;
    g_auto(Verdict) verdict = {0};
    judge(facts, release, &verdict);
    if (verdict.refusal == LETS_IN) {
      *choice = (PromoteChoice){.outcome = PROMOTE_RELEASE, .release = release};
      return;
    }
    if (verdict.refusal == IS_SKIPPED && why_skipped == NULL)
      why_skipped = g_strdup(verdict.why->str);
    note_waiting(&waiting, &nearest, release, &verdict);
  }
  if (waiting.release != NULL) {
    *choice = waiting;
    waiting = (PromoteChoice){0};
  } else {
    *choice = (PromoteChoice){.outcome = PROMOTE_NOTHING_NEWER,
                              .why = nothing_newer(releases, facts->state, why_skipped)};
  }
}

/* Also when there is nothing newer: a build that asks must not take "held" for "done". */
static void hold_back(const char *answer, PromoteChoice *choice) {
  g_autofree char *why = choice->why;
  choice->why =
      choice->outcome == PROMOTE_NOTHING_NEWER ? g_strdup_printf("%s (%s)", answer, why) : g_strdup(answer);
  g_free(choice->brief);
  choice->brief = g_strdup(answer);
  choice->until = 0;
  choice->outcome = PROMOTE_WAITS;
}

void promote_choose(const GateFacts *facts, const GPtrArray *releases, PromoteChoice *choice) {
  choose_release(facts, releases, choice);
  for (gsize i = 0; i < G_N_ELEMENTS(gates); i++) {
    if (gates[i].refusal != HOLDS)
      continue;
    g_autoptr(GateAnswer) answer = ask(&gates[i], facts, choice->release);
    if (!answer->passes)
      hold_back(answer->answer, choice);
  }
}
