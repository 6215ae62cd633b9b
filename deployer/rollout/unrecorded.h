/* What is said when the history broke while a deployment ran. */
#pragma once

#include "deployer/rollout/crew.h"

/* The deployment ended (`problem`: how it failed, NULL: it succeeded), and `store` kept that out of the
 * history. SLIPWAY_ERROR_BROKEN stays, all else is SLIPWAY_ERROR_STORE; the message says where the hosts are,
 * and how the history learns of it. Always false. */
bool fail_unrecorded(const Rollout *rollout, const GError *problem, const GError *store, GError **error);
