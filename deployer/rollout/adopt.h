/* Containers that have the project's name, and were started by somebody else: Compose would take them for its
 * own. */
#pragma once

#include "deployer/rollout/crew.h"

/* Asks every host that takes part. SLIPWAY_ERROR_REFUSED naming hosts and containers, unless the request
 * adopts them. */
bool refuse_foreign(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
