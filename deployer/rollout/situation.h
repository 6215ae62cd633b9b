/* Where an environment stands, read from the history: its own state, that of the environment before it in the
 * pipeline and of those that its gates ask about, and the approvals. */
#pragma once

#include "environments/config/config.h"
#include "pipelines/gates.h"

typedef struct {
  GPtrArray *deployments; /* Deployment, newest first: the newest, all that have not ended among them (older
                             ones: environment_deployment); owns what the state borrows */
  gint64 ended;           /* how many have ended, older ones too */
  Hold *hold;             /* in force; NULL: not held */
  EnvironmentState *state;
  const EnvironmentState *before; /* one of `others`; NULL when there is no environment before */
  GPtrArray *required;            /* EnvironmentState *, of `others`: gates_required */
  GPtrArray *others;              /* EnvironmentState: owned */
  GPtrArray *other_deployments;   /* GPtrArray of Deployment: owns what they borrow */
  GPtrArray *approvals;           /* Approval, of the environment */
  gint64 now;                     /* when it was read: the gates' clock */
} Situation;

/* False: something could not be read when the gates, or who names a release or a deployment, asked for it. To
 * be called after they did, and before anything is done. */
bool situation_check(const Situation *situation, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The gates are about to be asked about all of these (Release). */
void situation_expect(const Situation *situation, const GPtrArray *releases);

/* What the gates of `environment`, which the situation is of, look at; borrowed from both. */
GateFacts situation_gate_facts(const Situation *situation, const Environment *environment);

/* `besides`: a deployment to leave out (the one that asks), or 0. */
bool situation_read(History *history, const Config *config, const char *environment, gint64 besides,
                    Situation **situation, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for one who holds the locks: what is still `running` was abandoned, except those that only wait
 * for the locks; these have done nothing yet and are left out. */
bool situation_read_locked(History *history, const Config *config, const char *environment, gint64 besides,
                           Situation **situation, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* No deployment of the environment began or ended between the two, and no hold was made or lifted. */
bool situation_is_same(const Situation *a, const Situation *b);
void situation_free(Situation *situation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Situation, situation_free)
