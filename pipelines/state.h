/* Which deployment is which (design §4): the stack, counting, verified and bad, as a fold over an
 * environment's deployments: over all that are given, or, read from the history, over as few as the same
 * answers need. */
#pragma once

#include "pipelines/history/history.h"

typedef struct StateSource StateSource;

/* The tables are for this module: who has a question about a release asks a function below. */
typedef struct {
  char *environment;
  GPtrArray *stack; /* Deployment *, borrowed; the top is last. Read from the history: at least its upper end,
                       ENVIRONMENT_STACK_DEPTH or all */
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
  /* private */
  bool missed_restored; /* a rollback went back to what was not on the stack */
  StateSource *source;  /* of what was not folded; NULL: all was */
} EnvironmentState;

enum {
  ENVIRONMENT_STACK_DEPTH = 8,
  ENVIRONMENT_READ_FIRST = 64, /* of the newest deployments */
  ENVIRONMENT_READ_MORE = 8,   /* times as many, when these do not do */
};

/* `deployments`: all of one environment, newest first (as history_list_deployments gives them); borrowed,
 * must outlive the state. */
EnvironmentState *environment_state_new(const char *environment, GPtrArray *deployments);
/* The same, read from the history without what `is_left_out` (NULL: nothing) says, which is about deployments
 * that have not ended. The newest are read, as far back as the stack needs; what older ones say about a
 * release, when it is asked for: the questions below that name a release or a deployment are for one thread,
 * and fail silently, for environment_state_check to tell. `deployments`: those read at first, newest first,
 * all that have not ended among them; the caller's, must outlive the state. */
typedef bool DeploymentFilter(const Deployment *deployment, gint64 besides);
bool environment_state_read(History *history, const char *environment, DeploymentFilter *is_left_out,
                            gint64 besides, GPtrArray **deployments, EnvironmentState **state,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, with all that the stack's upper `depth` need, and at least the newest `first` (0: all). */
bool environment_state_read_deep(History *history, const char *environment, guint first, guint depth,
                                 DeploymentFilter *is_left_out, gint64 besides, GPtrArray **deployments,
                                 EnvironmentState **state, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All deployments were folded. */
bool environment_state_is_whole(const EnvironmentState *state);
/* False: something could not be read when it was asked for, and no answer since counts. */
bool environment_state_check(const EnvironmentState *state, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* About to be asked about all of these (Release): they are read at once. */
void environment_state_expect(const EnvironmentState *state, const GPtrArray *releases);
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
/* All that are marked bad: gint64, in no order. Caller unrefs. */
GArray *environment_bad_releases(const EnvironmentState *state);
/* A deployment of this environment by its id, or its uid; NULL: there is none. */
const Deployment *environment_deployment(const EnvironmentState *state, gint64 id);
const Deployment *environment_deployment_of_uid(const EnvironmentState *state, const char *uid);
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
