/* An incident does not wait until slipway.yml is mended: what the newest deployments recorded of it stands in
 * for a file that cannot be loaded (design §4). */
#pragma once

#include "deployer/commands/command.h"

/* --history, $SLIPWAY_HISTORY, what can still be read of slipway.yml, or the one history in the default
 * folder. The file is there; SLIPWAY_ERROR_CONFIG otherwise. Caller frees. */
bool recorded_config_locate(const GlobalOptions *global, char **history,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The configuration that the newest deployment of `environment` had; NULL: of every environment in the
 * history, with an empty pipeline, because its order is not known. *source: "d12", "d12, d9"; the caller
 * frees both. SLIPWAY_ERROR_CONFIG when nothing was deployed yet. */
bool recorded_config_read(History *history, const char *environment, Config **config, char **source,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
