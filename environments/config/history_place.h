/* Where an application's history is, when no option says so. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* $XDG_STATE_HOME/slipway/APP.db. Caller frees. */
char *history_place_default(const char *app);

/* For when slipway.yml cannot be loaded: what its top-level lines `history:` and `app:` say, whatever the
 * others do; when they say nothing, or `file` is NULL or cannot be read, the one history in the default
 * folder. The file is there. SLIPWAY_ERROR_CONFIG says what was looked for, and lists several. Caller frees
 * *path. */
bool history_place_guess(const char *file, char **path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
