/* Variable interpolation of the Compose specification (13-interpolation.md): $VAR ${VAR} ${VAR:-d} ${VAR-d}
 * ${VAR:?e} ${VAR?e}
 * ${VAR:+r} ${VAR+r} and $$; nested in default, error and replacement. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Looks a variable up: its value, or NULL when unset. */
typedef const char *(*InterpolateLookup)(const char *name, void *data);
/* Caller frees *result. SLIPWAY_ERROR_CONFIG: malformed, or the message of a `:?`. */
bool interpolate(const char *text, InterpolateLookup lookup, void *data, char **result,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
