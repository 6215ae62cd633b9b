/* Deployments whose slipway is gone (kill -9, a Jenkins abort, a lost machine): closed by the next one that
 * holds the locks, with what the hosts really run. */
#pragma once

#include "deployer/rollout/crew.h"

/* Every worker is connected and locked, so whoever began a `running` deployment of this environment is gone.
 * Each becomes `interrupted`. */
bool close_abandoned(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
