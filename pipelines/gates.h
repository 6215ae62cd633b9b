/* What lets a release into an environment. Each gate is a row: a name and a question; today: the environment
 * is not held; verified in the environment before; not marked bad. */
#pragma once

#include "environments/config/config.h"
#include "pipelines/state.h"

typedef struct {
  const char *name; /* "hold", "verified", "bad" */
  bool passes;
  char *answer; /* "r7 is verified in end2end (d12)" / why not, and what to do */
} GateAnswer;
void gate_answer_free(GateAnswer *answer);

/* `before`: the state of the environment before it in the pipeline; NULL when there is none. *answers:
 * GateAnswer, a row each. True when all pass. */
bool gates_ask(const Release *release, const EnvironmentState *state, const EnvironmentState *before,
               GPtrArray **answers);

typedef enum { PROMOTE_RELEASE, PROMOTE_NOTHING_NEWER, PROMOTE_WAITS } PromoteOutcome;
typedef struct {
  PromoteOutcome outcome;
  const Release *release; /* borrowed from `releases`: to promote, or (WAITS) the newest that waits; NULL */
  char *why;              /* for NOTHING_NEWER and WAITS, one line */
} PromoteChoice;
void promote_choice_clear(PromoteChoice *choice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PromoteChoice, promote_choice_clear)
/* The newest release, newer than what the environment runs, that its gates let in; bad ones are skipped. A
 * held environment always WAITS, with the release that it will take when it is no longer held, or NULL.
 * `releases`: newest first. */
void promote_choose(GPtrArray *releases, const EnvironmentState *state, const EnvironmentState *before,
                    PromoteChoice *choice);
