/* What is different between two deployments, or between two releases. Nothing is asked but the history. */
#pragma once

#include "deployer/rollout/rollout.h"

typedef struct {
  Deployment *deployment; /* NULL: releases are compared */
  Release *release;       /* NULL: the deployment has none */
} DifferenceSide;

typedef enum { SECRET_SAME, SECRET_CHANGED, SECRET_ADDED, SECRET_REMOVED, SECRET_NOT_KNOWN } SecretState;
const char *secret_state_name(SecretState state); /* "same", "changed", … */
typedef struct {
  char *name;
  SecretState state; /* not known: kept with another key, or none */
} SecretDifference;

typedef struct {
  DifferenceSide from, to;
  GPtrArray *images;        /* PlanChange by service (releases: by name; "pin IMAGE" for those beside) */
  GPtrArray *configuration; /* PlanChange: variables and files; releases have none */
  GPtrArray *settings;      /* PlanChange by key of slipway.yml, likewise */
  GPtrArray *secrets;       /* SecretDifference by name, all of them; likewise */
} Difference;
/* Anything but secrets that are not known. */
bool difference_is_any(const Difference *difference);
void difference_free(Difference *difference);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Difference, difference_free)

/* `from` and `to`: d31, an environment (what it runs), `current` or `previous` (of the environment that the
 * other names), or a release as history_find_release knows them. Where one is a release, so is the other: the
 * deployment's. `config` says which environments there are besides those of the history; may be NULL.
 * SLIPWAY_ERROR_USAGE: a name of nothing, or of what has nothing to compare. */
bool rollout_difference(History *history, const Config *config, const char *from, const char *to,
                        Difference **difference, GError **error) G_GNUC_WARN_UNUSED_RESULT;
