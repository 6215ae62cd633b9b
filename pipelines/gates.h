/* What lets a release into an environment. Each gate is a row: a name, whether the configuration asks for it,
 * and a question. All but one are pure functions of what is known, the clock included; the `command` gate is
 * a program, which the caller runs (deployer/rollout/gate_command.h) when all others let the release in. */
#pragma once

#include "environments/config/config.h"
#include "pipelines/state.h"

/* All that gates look at; borrowed. */
typedef struct {
  const GatesConfig *gates;
  const EnvironmentState *state;
  const GPtrArray
      *required; /* EnvironmentState *: in which the release has to be verified (gates_required) */
  const GPtrArray *approvals; /* Approval; those of other environments and releases are passed over */
  gint64 now;
} GateFacts;

/* The environments in which a release has to be verified for `environment`: those that `requires` names, else
 * the one before it. char *, borrowed; caller frees the array. */
GPtrArray *gates_required(const Config *config, const Environment *environment);

typedef struct {
  const char *name; /* "hold", "verified", "bad", "soak", "approvals", "window", "command" */
  bool passes;
  bool is_asked; /* false: the command, which is asked last or not at all; it does not pass then */
  char *answer;  /* "r7 is verified in end2end (d12)" / why not, and what to do */
  char *brief;   /* for a list: "approved by 1 of 2"; NULL: there is only `answer` */
  gint64 until;  /* when it opens without anybody's doing; 0: it does not, or it is open */
} GateAnswer;
void gate_answer_free(GateAnswer *answer);

/* *answers: GateAnswer, a row each, the command last and not asked. True when all the others pass. */
bool gates_ask(const GateFacts *facts, const Release *release, GPtrArray **answers);

typedef enum { PROMOTE_RELEASE, PROMOTE_NOTHING_NEWER, PROMOTE_WAITS } PromoteOutcome;
typedef struct {
  PromoteOutcome outcome;
  const Release *release; /* borrowed from `releases`: to promote, or (WAITS) the newest that waits; NULL */
  char *why;              /* for NOTHING_NEWER and WAITS: what, and what to do; one line */
  char *brief;            /* the same for a list: "r7: approved by 1 of 2; soaks until 14:10" */
  gint64 until;           /* WAITS, and only for time: when that is over; 0: a person has to do something */
} PromoteChoice;
void promote_choice_clear(PromoteChoice *choice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PromoteChoice, promote_choice_clear)
/* The newest release, newer than what the environment runs, that its gates let in; bad ones are skipped, the
 * command is not asked. Of those that wait, one that waits for time or approvals only comes before one that
 * is not verified yet. A held environment always WAITS, with the release that it will take when it is no
 * longer held, or NULL. `releases`: all, newest first. */
void promote_choose(const GateFacts *facts, const GPtrArray *releases, PromoteChoice *choice);
