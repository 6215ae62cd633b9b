/* The rules of design §6 (Health), one container at a time: a row for each of the engine's states. */
#include "healthchecks/judge.h"

#include <string.h>

#include "support/poison.h"
#include "support/text.h"

enum { MS = 1000 };

typedef struct {
  HealthMemory *memory;
  const ContainerState *state;
  const HealthConfig *config;
  gint64 now;
  HealthJudgement *judgement;
} Case;

void health_judgement_clear(HealthJudgement *judgement) {
  g_free(judgement->word);
  g_free(judgement->reason);
  *judgement = (HealthJudgement){0};
}

static const char *out_of_memory(const ContainerState *state) {
  return state->oom_killed ? " (out of memory)" : "";
}

static void judge_failed(const Case *c, char *word, char *reason) {
  *c->judgement = (HealthJudgement){.verdict = HEALTH_FAILED, .word = word, .reason = reason};
}

static void judge_well(const Case *c, gint64 settled_at, char *word) {
  *c->judgement = (HealthJudgement){.verdict = HEALTH_WELL, .settled_at = settled_at, .word = word};
}

/* `hope` is what it has to become until the deadline; `detail` says more of how it is instead, or is NULL. */
static void judge_waiting(const Case *c, const char *hope, char *word, const char *detail) {
  gint64 from = c->memory->first_start != 0 ? c->memory->first_start : c->memory->watched_from;
  gint64 deadline = from + c->config->deadline_ms * MS;
  if (c->now < deadline) {
    *c->judgement = (HealthJudgement){.verdict = HEALTH_WAITING, .deadline = deadline, .word = word};
    return;
  }
  g_autofree char *limit = duration_format(c->config->deadline_ms);
  judge_failed(c, word,
               g_strdup_printf("not %s after %s%s%s", hope, limit, detail == NULL ? "" : ": ",
                               detail == NULL ? "" : detail));
}

/* Restarts since the watch began. The engine's count may be older than that, and starts again when someone
 * starts the container. */
static guint restarts(const Case *c) {
  return c->memory->was_there ? MIN(c->memory->ends, c->state->restart_count) : c->state->restart_count;
}

static bool has_check(const ContainerState *state) {
  return state->health != NULL || state->check != NULL;
}

/* The engine's times, bounded by what we know for sure, so that a clock that is set meanwhile does no harm.
 */
static gint64 bounded(const Case *c, gint64 time) {
  gint64 from = c->memory->watched_from;
  return CLAMP(time, from, MAX(c->now, from));
}

/* Well before the watch began, and nothing has happened to it since: that has settled long ago. */
static gint64 settled_at(const Case *c, gint64 well_since) {
  if (c->memory->was_there && !c->memory->is_disturbed)
    return 0;
  return well_since + c->config->settle_ms * MS;
}

static void judge_by_check(const Case *c) {
  HealthMemory *memory = c->memory;
  const char *health = c->state->health;
  if (strcmp(health, "unhealthy") == 0) {
    guint failed = c->state->failed_probes;
    judge_failed(c, g_strdup("unhealthy"),
                 g_strdup_printf("unhealthy after %u failed probe%s", failed, failed == 1 ? "" : "s"));
    return;
  }
  if (strcmp(health, "healthy") != 0 && !memory->is_probed_well) {
    memory->well_since = 0;
    judge_waiting(c, "healthy", g_strdup("starting"), NULL);
    return;
  }
  if (memory->well_since == 0)
    memory->well_since = c->now;
  judge_well(c, settled_at(c, memory->well_since), g_strdup("healthy"));
}

static void judge_running(const Case *c) {
  if (c->state->health != NULL) {
    judge_by_check(c);
    return;
  }
  if (c->memory->well_since == 0)
    c->memory->well_since = bounded(c, c->state->started_at);
  judge_well(c, settled_at(c, c->memory->well_since), g_strdup("running"));
}

static void judge_restarting(const Case *c) {
  g_autofree char *detail = g_strdup_printf("exited with %d%s", c->state->exit_code, out_of_memory(c->state));
  judge_waiting(c, "running", g_strdup_printf("restarting (%u of %u)", restarts(c), c->config->restarts),
                detail);
}

/* The engine shows a container that it will start again as restarting, so this one is at its end; a policy
 * that would have started it again means that someone stopped it, and may start it. */
static void judge_exited(const Case *c) {
  const ContainerState *state = c->state;
  g_autofree char *word = g_strdup_printf("exited %d", state->exit_code);
  bool is_never_restarted = strcmp(state->restart_policy, "no") == 0;
  bool is_final = is_never_restarted || strcmp(state->restart_policy, "on-failure") == 0;
  if (!is_final)
    judge_waiting(c, "running", g_strdup(word), word);
  else if (state->exit_code == 0 && !has_check(state))
    judge_well(c, 0, g_steal_pointer(&word)); /* nothing can change that for the worse */
  else
    judge_failed(c, g_steal_pointer(&word),
                 g_strdup_printf("exited with %d%s%s, %s", state->exit_code, out_of_memory(state),
                                 state->exit_code == 0 ? " although it has a HEALTHCHECK" : "",
                                 is_never_restarted ? "restart policy no"
                                                    : "no retries left (restart policy on-failure)"));
}

static void judge_created(const Case *c) {
  if (c->state->problem == NULL) {
    judge_waiting(c, "started", g_strdup("created"), NULL);
    return;
  }
  judge_failed(c, g_strdup("created"), g_strdup_printf("could not be started: %s", c->state->problem));
}

static void judge_dead(const Case *c) {
  judge_failed(c, g_strdup("dead"),
               g_strdup_printf("dead: the engine could not remove it%s", out_of_memory(c->state)));
}

static void judge_stuck(const Case *c) {
  judge_waiting(c, "running", g_strdup(c->state->status), c->state->status);
}

static const struct {
  const char *status;
  void (*judge)(const Case *c);
} rows[] = {
    {"running", judge_running}, {"restarting", judge_restarting},
    {"exited", judge_exited},   {"created", judge_created},
    {"dead", judge_dead},       {NULL, judge_stuck}, /* paused, removing */
};

/* Another start: what was known of the one before does not hold for it. */
static void remember_start(const Case *c) {
  HealthMemory *memory = c->memory;
  if (c->state->started_at == 0 || c->state->started_at == memory->last_start)
    return;
  memory->last_start = c->state->started_at;
  memory->well_since = 0;
  memory->is_probed_well = false;
  if (memory->first_start == 0)
    memory->first_start =
        CLAMP(c->state->started_at, memory->watched_from, MAX(c->now, memory->watched_from));
}

static bool has_restarted_too_often(const Case *c) {
  return restarts(c) > c->config->restarts && strcmp(c->state->status, "exited") != 0;
}

static void judge_restarts(const Case *c) {
  guint count = restarts(c), most = c->config->restarts;
  bool is_down = strcmp(c->state->status, "restarting") == 0; /* else the last exit code is gone */
  g_autofree char *last =
      is_down ? g_strdup_printf(", last with exit code %d", c->state->exit_code) : g_strdup("");
  judge_failed(c, g_strdup_printf("restarted %u times", count),
               g_strdup_printf("restarted %u time%s (at most %u)%s%s", count, count == 1 ? "" : "s", most,
                               last, out_of_memory(c->state)));
}

void health_judge(HealthMemory *memory, const ContainerState *state, const HealthConfig *config, gint64 now,
                  HealthJudgement *judgement) {
  const Case c = {.memory = memory, .state = state, .config = config, .now = now, .judgement = judgement};
  remember_start(&c);
  if (has_restarted_too_often(&c)) {
    judge_restarts(&c);
    return;
  }
  guint row = 0;
  while (rows[row].status != NULL && strcmp(rows[row].status, state->status) != 0)
    row++;
  rows[row].judge(&c);
}

void health_note_probe(HealthMemory *memory) {
  memory->is_probed_well = true;
  memory->is_disturbed = true; /* it was not well before the watch, then */
}

bool health_wants_probe(const HealthMemory *memory, const ContainerState *state) {
  return state->check != NULL && state->health != NULL && strcmp(state->health, "starting") == 0 &&
         strcmp(state->status, "running") == 0 && !memory->is_probed_well;
}
