/* Hosts that slipway.yml does not name are asked for once a command, before it runs. */
#pragma once

#include "deployer/commands/command.h"

/* Asks the inventories of the command's environment, or of all without one, as `needs` (CommandNeeds) wants
 * it; `config` is the invocation's own, and its environments have their hosts afterwards. The errors of
 * inventory_resolve. */
bool inventories_ask(Invocation *invocation, Config *config, int needs,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
