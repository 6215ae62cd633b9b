/* The rules of design §6 (Health), without an engine: a container's states one after another, and what is
 * made of each. */
#include "healthchecks/judge.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND ((gint64)1000 * 1000)
#define BEGAN  (1000 * SECOND)

static const HealthConfig config = {.deadline_ms = 90000, .settle_ms = 5000, .restarts = 2, .early = true};

/* What the engine says at a time (seconds since the watch began; started_at too), and what is to be thought
 * of it. */
typedef struct {
  const char *title;
  double at;
  const char *status, *health, *policy; /* NULL: running, no HEALTHCHECK, "no" */
  double started_at;                    /* 0: at the very moment the watch began */
  int exit_code;
  guint restart_count;
  bool is_out_of_memory;
  HealthVerdict verdict;
  double settled_at; /* well only */
  const char *word;
  const char *reason; /* NULL: none; else its start */
} Moment;

static char *or_default(const char *text, const char *fallback) {
  return (char *)(text == NULL ? fallback : text);
}

static void look(HealthMemory *memory, const Moment *moment) {
  const ContainerState state = {.status = or_default(moment->status, "running"),
                                .health = (char *)moment->health,
                                .restart_policy = or_default(moment->policy, "no"),
                                .started_at = BEGAN + (gint64)(moment->started_at * SECOND),
                                .exit_code = moment->exit_code,
                                .oom_killed = moment->is_out_of_memory,
                                .failed_probes = 3,
                                .restart_count = moment->restart_count};
  g_auto(HealthJudgement) judgement = {0};
  health_judge(memory, &state, &config, BEGAN + (gint64)(moment->at * SECOND), &judgement);
  cr_expect(judgement.verdict == moment->verdict, "%s: verdict %d", moment->title, judgement.verdict);
  cr_expect_str_eq(judgement.word, moment->word, "%s: \"%s\"", moment->title, judgement.word);
  if (moment->verdict == HEALTH_WELL)
    cr_expect_eq(judgement.settled_at,
                 moment->settled_at == 0 ? 0 : BEGAN + (gint64)(moment->settled_at * SECOND),
                 "%s: settled at %.1f", moment->title, (double)(judgement.settled_at - BEGAN) / SECOND);
  if (moment->reason == NULL)
    cr_expect_null(judgement.reason, "%s: %s", moment->title, judgement.reason);
  else
    cr_expect(judgement.reason != NULL && g_str_has_prefix(judgement.reason, moment->reason), "%s: %s",
              moment->title, judgement.reason);
}

static void follow(const Moment *moments, guint count) {
  HealthMemory memory = {.watched_from = BEGAN};
  for (guint i = 0; i < count; i++)
    look(&memory, &moments[i]);
}
#define FOLLOW(moments) follow(moments, G_N_ELEMENTS(moments))

Test(judge, each_state_alone) {
  static const Moment moments[] = {
      {.title = "without a check, running is well once it has settled",
       .at = 1,
       .started_at = 1,
       .verdict = HEALTH_WELL,
       .settled_at = 6,
       .word = "running"},
      {.title = "starting", .at = 1, .health = "starting", .verdict = HEALTH_WAITING, .word = "starting"},
      {.title = "healthy",
       .at = 2,
       .health = "healthy",
       .verdict = HEALTH_WELL,
       .settled_at = 7,
       .word = "healthy"},
      {.title = "unhealthy",
       .at = 2,
       .health = "unhealthy",
       .verdict = HEALTH_FAILED,
       .word = "unhealthy",
       .reason = "unhealthy after 3 failed probes"},
      {.title = "one-shot done", .at = 2, .status = "exited", .verdict = HEALTH_WELL, .word = "exited 0"},
      {.title = "one-shot done, on-failure",
       .at = 2,
       .status = "exited",
       .policy = "on-failure",
       .restart_count = 3,
       .verdict = HEALTH_WELL,
       .word = "exited 0"},
      {.title = "failed, policy no",
       .at = 2,
       .status = "exited",
       .exit_code = 1,
       .verdict = HEALTH_FAILED,
       .word = "exited 1",
       .reason = "exited with 1, restart policy no"},
      {.title = "out of memory",
       .at = 2,
       .status = "exited",
       .exit_code = 137,
       .is_out_of_memory = true,
       .verdict = HEALTH_FAILED,
       .word = "exited 137",
       .reason = "exited with 137 (out of memory), restart policy no"},
      {.title = "no retries left",
       .at = 2,
       .status = "exited",
       .policy = "on-failure",
       .exit_code = 3,
       .restart_count = 2,
       .verdict = HEALTH_FAILED,
       .word = "exited 3",
       .reason = "exited with 3, no retries left (restart policy on-failure)"},
      {.title = "with a check, an exit is no success",
       .at = 2,
       .status = "exited",
       .health = "starting",
       .verdict = HEALTH_FAILED,
       .word = "exited 0",
       .reason = "exited with 0 although it has a HEALTHCHECK"},
      {.title = "stopped by someone",
       .at = 2,
       .status = "exited",
       .policy = "always",
       .exit_code = 137,
       .verdict = HEALTH_WAITING,
       .word = "exited 137"},
      {.title = "restarting within its limit",
       .at = 2,
       .status = "restarting",
       .policy = "always",
       .exit_code = 1,
       .restart_count = 2,
       .verdict = HEALTH_WAITING,
       .word = "restarting (2 of 2)"},
      {.title = "restarting beyond it",
       .at = 2,
       .status = "restarting",
       .policy = "always",
       .exit_code = 1,
       .restart_count = 3,
       .verdict = HEALTH_FAILED,
       .word = "restarted 3 times",
       .reason = "restarted 3 times (at most 2), last with exit code 1"},
      {.title = "running after too many restarts",
       .at = 2,
       .policy = "always",
       .restart_count = 3,
       .verdict = HEALTH_FAILED,
       .word = "restarted 3 times",
       .reason = "restarted 3 times (at most 2)"},
      {.title = "dead",
       .at = 2,
       .status = "dead",
       .verdict = HEALTH_FAILED,
       .word = "dead",
       .reason = "dead"},
      {.title = "paused", .at = 2, .status = "paused", .verdict = HEALTH_WAITING, .word = "paused"},
      {.title = "late",
       .at = 90,
       .health = "starting",
       .verdict = HEALTH_FAILED,
       .word = "starting",
       .reason = "not healthy after 90s"},
      {.title = "never got going",
       .at = 90,
       .status = "created",
       .verdict = HEALTH_FAILED,
       .word = "created",
       .reason = "not started after 90s"},
      {.title = "without a check there is no lateness while it runs",
       .at = 91,
       .started_at = 89,
       .verdict = HEALTH_WELL,
       .settled_at = 94,
       .word = "running"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(moments); i++)
    follow(&moments[i], 1);
}

Test(judge, the_deadline_counts_from_the_first_start) {
  static const Moment moments[] = {
      {.title = "started",
       .at = 60,
       .started_at = 60,
       .health = "starting",
       .verdict = HEALTH_WAITING,
       .word = "starting"},
      {.title = "still",
       .at = 149,
       .started_at = 60,
       .health = "starting",
       .verdict = HEALTH_WAITING,
       .word = "starting"},
      {.title = "again",
       .at = 149.5,
       .started_at = 149.4,
       .policy = "always",
       .restart_count = 1,
       .health = "starting",
       .verdict = HEALTH_WAITING,
       .word = "starting"},
      {.title = "over",
       .at = 150,
       .started_at = 149.4,
       .policy = "always",
       .restart_count = 1,
       .health = "starting",
       .verdict = HEALTH_FAILED,
       .word = "starting",
       .reason = "not healthy after 90s"},
  };
  FOLLOW(moments);
}

Test(judge, a_crash_that_outlasts_the_deadline_says_how_it_ended) {
  static const Moment moments[] = {
      {.title = "late",
       .at = 90,
       .status = "restarting",
       .policy = "always",
       .exit_code = 1,
       .restart_count = 1,
       .is_out_of_memory = true,
       .verdict = HEALTH_FAILED,
       .word = "restarting (1 of 2)",
       .reason = "not running after 90s: exited with 1 (out of memory)"},
  };
  FOLLOW(moments);
}

Test(judge, crashing_twice_and_then_running_is_well_from_the_last_start) {
  static const Moment moments[] = {
      {.title = "first",
       .at = 1,
       .started_at = 1,
       .policy = "always",
       .verdict = HEALTH_WELL,
       .settled_at = 6,
       .word = "running"},
      {.title = "crash",
       .at = 2,
       .started_at = 1,
       .policy = "always",
       .status = "restarting",
       .exit_code = 1,
       .restart_count = 1,
       .verdict = HEALTH_WAITING,
       .word = "restarting (1 of 2)"},
      {.title = "second",
       .at = 3,
       .started_at = 3,
       .policy = "always",
       .restart_count = 2,
       .verdict = HEALTH_WELL,
       .settled_at = 8,
       .word = "running"},
  };
  FOLLOW(moments);
}

Test(judge, a_change_for_the_worse_starts_settling_again_or_fails) {
  static const Moment moments[] = {
      {.title = "healthy",
       .at = 1,
       .health = "healthy",
       .policy = "always",
       .verdict = HEALTH_WELL,
       .settled_at = 6,
       .word = "healthy"},
      {.title = "still",
       .at = 3,
       .health = "healthy",
       .policy = "always",
       .verdict = HEALTH_WELL,
       .settled_at = 6,
       .word = "healthy"},
      {.title = "crashed",
       .at = 4,
       .started_at = 4,
       .health = "starting",
       .policy = "always",
       .restart_count = 1,
       .verdict = HEALTH_WAITING,
       .word = "starting"},
      {.title = "back",
       .at = 5,
       .started_at = 4,
       .health = "healthy",
       .policy = "always",
       .restart_count = 1,
       .verdict = HEALTH_WELL,
       .settled_at = 10,
       .word = "healthy"},
      {.title = "unhealthy",
       .at = 7,
       .started_at = 4,
       .health = "unhealthy",
       .policy = "always",
       .restart_count = 1,
       .verdict = HEALTH_FAILED,
       .word = "unhealthy",
       .reason = "unhealthy after"},
  };
  FOLLOW(moments);
}

Test(judge, a_clock_that_jumps_on_the_host_does_no_harm) {
  static const Moment moments[] = {
      {.title = "a start long before the watch",
       .at = 2,
       .started_at = -5000,
       .health = "starting",
       .verdict = HEALTH_WAITING,
       .word = "starting"},
      {.title = "a start in the future",
       .at = 3,
       .started_at = 5000,
       .verdict = HEALTH_WELL,
       .settled_at = 8,
       .word = "running"},
  };
  FOLLOW(moments);
}

static const Moment before_and_well = {.title = "was there, well",
                                       .at = 1,
                                       .started_at = -60,
                                       .health = "healthy",
                                       .verdict = HEALTH_WELL,
                                       .settled_at = 0,
                                       .word = "healthy"};

Test(judge, what_was_well_before_the_watch_need_not_settle_again) {
  HealthMemory memory = {.watched_from = BEGAN, .was_there = true};
  look(&memory, &before_and_well);
  HealthMemory disturbed = {.watched_from = BEGAN, .was_there = true, .is_disturbed = true};
  Moment later = before_and_well;
  later.settled_at = 6;
  look(&disturbed, &later);
}

Test(judge, restarts_from_before_the_watch_do_not_count) {
  HealthMemory memory = {.watched_from = BEGAN, .was_there = true};
  Moment moment = {.title = "old restarts",
                   .at = 1,
                   .started_at = -60,
                   .policy = "always",
                   .restart_count = 40,
                   .verdict = HEALTH_WELL,
                   .word = "running"};
  look(&memory, &moment);
  memory.ends = 3;
  memory.is_disturbed = true;
  const Moment worse = {.title = "new ones",
                        .at = 2,
                        .started_at = 2,
                        .policy = "always",
                        .restart_count = 43,
                        .verdict = HEALTH_FAILED,
                        .word = "restarted 3 times",
                        .reason = "restarted 3 times"};
  look(&memory, &worse);
}

Test(judge, an_own_probe_that_succeeds_is_as_good_as_the_engines_word_for_this_start) {
  HealthMemory memory = {.watched_from = BEGAN};
  const Moment starting = {
      .title = "starting", .at = 1, .health = "starting", .verdict = HEALTH_WAITING, .word = "starting"};
  look(&memory, &starting);
  health_note_probe(&memory);
  const Moment probed = {.title = "probed",
                         .at = 1,
                         .health = "starting",
                         .verdict = HEALTH_WELL,
                         .settled_at = 6,
                         .word = "healthy"};
  look(&memory, &probed);
  const Moment confirmed = {.title = "confirmed",
                            .at = 3,
                            .health = "healthy",
                            .verdict = HEALTH_WELL,
                            .settled_at = 6,
                            .word = "healthy"};
  look(&memory, &confirmed);
  const Moment restarted = {.title = "restarted",
                            .at = 4,
                            .started_at = 4,
                            .policy = "always",
                            .restart_count = 1,
                            .health = "starting",
                            .verdict = HEALTH_WAITING,
                            .word = "starting"};
  look(&memory, &restarted);
}

Test(judge, a_start_that_failed_says_why) {
  HealthMemory memory = {.watched_from = BEGAN};
  const ContainerState state = {.status = (char *)"created",
                                .restart_policy = (char *)"no",
                                .problem = (char *)"exec: \"x\": not found"};
  g_auto(HealthJudgement) judgement = {0};
  health_judge(&memory, &state, &config, BEGAN, &judgement);
  cr_assert_eq(judgement.verdict, HEALTH_FAILED);
  cr_assert_str_eq(judgement.reason, "could not be started: exec: \"x\": not found");
}

Test(judge, a_probe_is_wanted_only_while_the_engine_has_not_made_up_its_mind) {
  g_autoptr(GPtrArray) check = g_ptr_array_new();
  ContainerState state = {.status = (char *)"running", .health = (char *)"starting", .check = check};
  HealthMemory memory = {.watched_from = BEGAN};
  cr_expect(health_wants_probe(&memory, &state));
  state.status = (char *)"restarting";
  cr_expect(!health_wants_probe(&memory, &state));
  state.status = (char *)"running";
  state.health = (char *)"healthy";
  cr_expect(!health_wants_probe(&memory, &state));
  state.health = (char *)"starting";
  health_note_probe(&memory);
  cr_expect(!health_wants_probe(&memory, &state));
  state.health = NULL;
  cr_expect(!health_wants_probe(&(HealthMemory){0}, &state));
}
