/* What deploy, promote and rollback have in common: running a rollout and telling how it ended. */
#pragma once

#include "deployer/commands/command.h"
#include "deployer/rollout/rollout.h"

/* Rows for a choices struct with the fields force, reason and repin. */
#define GATE_OPTIONS(Choices)                                                                                \
  {0, "force", NULL, OPTION_FLAG, offsetof(Choices, force), "pass the gates; wants --reason"},               \
      {0, "reason", "TEXT", OPTION_TEXT, offsetof(Choices, reason), "why; recorded with the deployment"}, {  \
    0, "repin", NULL, OPTION_FLAG, offsetof(Choices, repin),                                                 \
        "resolve the tags of images that are not the release's own anew"                                     \
  }

/* Runs `request` (config, environment, history, reporter and command are filled in here) and says on stdout
 * what runs where now; what happened on each host when it failed goes to stderr. */
bool deliver(Invocation *invocation, RolloutRequest *request, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* SLIPWAY_ERROR_USAGE: --force without --reason. */
bool require_reason(bool force, const char *reason, GError **error) G_GNUC_WARN_UNUSED_RESULT;
