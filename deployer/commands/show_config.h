/* `show D --config`: what a deployment ran with. */
#pragma once

#include "deployer/commands/command.h"

/* Prints it, or sets the document. SLIPWAY_ERROR_USAGE: it ended before its configuration was known. */
bool show_config(Invocation *invocation, const Deployment *deployment,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
