/* What is different between two deployments, or between two releases. Nothing is asked but the history. */
#pragma once

#include "deployer/rollout/rollout.h"

typedef struct {
  Deployment *deployment; /* NULL: releases are compared */
  Release *release;       /* NULL: the deployment has none */
} DifferenceSide;

typedef struct {
  DifferenceSide from, to;
  GPtrArray *images;        /* PlanChange by service (releases: by name; "pin IMAGE" for those beside) */
  GPtrArray *configuration; /* PlanChange: variables and files; releases have none */
  GPtrArray *settings;      /* PlanChange by key of slipway.yml, likewise */
} Difference;
void difference_free(Difference *difference);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Difference, difference_free)

/* `from` and `to`: d31, an environment (what it runs), `current` or `previous` (of the environment that the
 * other names), or a release as history_find_release knows them. Where one is a release, so is the other: the
 * deployment's. `config` says which environments there are besides those of the history; may be NULL.
 * SLIPWAY_ERROR_USAGE: a name of nothing, or of what has nothing to compare. */
bool rollout_difference(History *history, const Config *config, const char *from, const char *to,
                        Difference **difference, GError **error) G_GNUC_WARN_UNUSED_RESULT;
