/* Where slipway.yml and the history are, when the command line may or may not say. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "deployer/commands/command.h"

/* --config, else ./slipway.yml, else the nearest one in a folder above. SLIPWAY_ERROR_CONFIG when there is
 * none. Caller frees. */
bool locate_config(const GlobalOptions *global, char **path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* --history, else $SLIPWAY_HISTORY; NULL: slipway.yml says it. Borrowed. */
const char *locate_history(const GlobalOptions *global);
