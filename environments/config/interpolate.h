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

/* The same in slipway.yml's own values, where most "$" are meant as they stand: only "${" begins a reference,
 * "$$" is a "$", and any other "$" is itself; but "$NAME" is refused where NAME is known, for it may be meant
 * as either. ${env:NAME}, with the same forms, is looked up as "env:NAME". */
#define REFERENCE_ENV "env:"
typedef struct {
  /* *value: borrowed until the next call; NULL when unset, which is an error where it `must_be_set`. */
  bool (*find)(const char *name, bool must_be_set, void *data, const char **value, GError **error);
  bool (*is_known)(const char *name, void *data);
  void *data;
} References;
/* Caller frees *result. SLIPWAY_ERROR_CONFIG, and what `find` fails with. */
bool interpolate_references(const char *text, const References *references, char **result,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
