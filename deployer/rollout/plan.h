/* The part of a plan that needs no host. */
#pragma once

#include "deployer/rollout/target.h"

/* `target` against what the environment runs, with the gates' answers (copied) and a row for each host, of
 * which nothing is known yet. Pins the target: that may ask a registry. The release stays the target's:
 * plan->release is NULL. */
bool plan_without_hosts(const RolloutRequest *request, const Situation *situation, Target *target,
                        const GPtrArray *answers, Plan **plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;
