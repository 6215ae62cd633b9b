/* The `command` gate: a program of the user's own on the controller that gets the plan as JSON (plan_json.h,
 * without what only hosts know) on its stdin, SLIPWAY_* variables in its environment, and lets the release in
 * by ending with 0. Of secrets it sees nothing: callers have asked for them before (target_ask_secrets). */
#pragma once

#include "deployer/rollout/target.h"

/* Asks it where there is one and all others of `answers` (target_resolve) let the release in; its row of them
 * then says so. A refusal is no failure. SLIPWAY_ERROR_CONFIG: there is no such program (with `force`: a
 * refusal); INTERRUPTED; what pinning fails with. */
bool gate_command_ask(const RolloutRequest *request, const Situation *situation, Target *target,
                      GPtrArray *answers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for a deployment: its refusal is SLIPWAY_ERROR_REFUSED with what it said, or, with `force`, a
 * warning. */
bool gate_command_require(const RolloutRequest *request, const Situation *situation, Target *target,
                          GPtrArray *answers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
