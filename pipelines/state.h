/* Which deployment is which (design §4): the stack, counting, verified and bad, as a pure fold over an
 * environment's deployments. */
#pragma once

#include "pipelines/history/history.h"

typedef struct {
  char *environment;
  GPtrArray *stack;       /* Deployment *, borrowed; the top is last */
  const Deployment *last; /* newest attempt that changed or may have changed something (exit codes 2, 3, 4 and
                             untouched failures left out); NULL */
  const Deployment *newest_counting; /* or NULL: its skipped hosts are those that `deploy --as-is` has to
                                        catch up */
  const Deployment *down;            /* the `down` after which nothing was deployed, or NULL: nothing runs */
  const Deployment *running;         /* newest with status `running`, or NULL */
  GHashTable *verified;              /* release id -> Deployment * since which it is */
  GHashTable *bad;                   /* release id -> Deployment * that rolled back from it */
  GHashTable *newest;                /* release id -> its newest Deployment * that counts */
  GHashTable *by_id;                 /* deployment id -> Deployment * */
  GHashTable *attempts; /* release id -> its newest Deployment * that changed or may have changed something */
  const Hold *hold;     /* in force, or NULL; borrowed, set by whoever made the state and read it */
} EnvironmentState;

/* `deployments`: all of one environment, newest first (as history_list_deployments gives them); borrowed,
 * must outlive the state. */
EnvironmentState *environment_state_new(const char *environment, GPtrArray *deployments);
void environment_state_free(EnvironmentState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EnvironmentState, environment_state_free)

/* It succeeded on all the hosts that it did not skip. */
bool deployment_counts(const Deployment *deployment);
bool deployment_skips_a_host(const Deployment *deployment);
/* What `rollback` steps down from; NULL: nothing was ever deployed successfully. */
const Deployment *environment_top(const EnvironmentState *state);
/* The same while the environment is up: what it runs, when its last attempt left nothing unclear. */
const Deployment *environment_current(const EnvironmentState *state);
/* The newest counting deployment with this release; NULL. */
const Deployment *environment_newest_of(const EnvironmentState *state, gint64 release);
/* The newest attempt with this release, however it ended (as in `last`); NULL. */
const Deployment *environment_attempt_of(const EnvironmentState *state, gint64 release);
bool environment_has_verified(const EnvironmentState *state, gint64 release);
/* The deployment since which it is verified there: the newest counting one, or the first of a row of which
 * the later ones changed nothing at all. NULL: it is not. */
const Deployment *environment_verified_by(const EnvironmentState *state, gint64 release);
bool environment_marks_bad(const EnvironmentState *state, gint64 release, const Deployment **rollback);
/* The last attempt ended `broken` or `interrupted`, or never ended: what hosts run is not what the stack's
 * top says. */
bool environment_is_unsettled(const EnvironmentState *state);

typedef struct {
  const Deployment *restores; /* what comes back */
  const Deployment *leaves;   /* what is being left */
  StackMove move;
  bool is_already_restored; /* the last attempt failed and its hosts were put back: go on only with --to or a
                               yes */
} RollbackTarget;
/* `to`: NULL, or the counting deployment that --to names. SLIPWAY_ERROR_REFUSED when there is nothing to go
 * back to, saying what there is. */
bool environment_rollback_target(const EnvironmentState *state, const Deployment *to, RollbackTarget *target,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
