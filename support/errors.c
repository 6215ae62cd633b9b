/* Making and passing on the one kind of error this program has. */
#include "support/errors.h"

#include "support/poison.h"

G_DEFINE_QUARK(slipway_error, slipway_error)

bool(fail)(GError **error, SlipwayErrorKind kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (error != NULL) {
    g_assert(*error == NULL);
    *error = g_error_new_valist(SLIPWAY_ERROR, (int)kind, format, arguments);
  }
  va_end(arguments);
  return false;
}

bool(prefix)(GError **error, const char *format, ...) {
  if (error == NULL || *error == NULL)
    return false;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *context = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_prefix_error_literal(error, context);
  return false;
}

bool recast(GError **error, SlipwayErrorKind kind) {
  if (error != NULL && *error != NULL) {
    (*error)->domain = SLIPWAY_ERROR;
    (*error)->code = (int)kind;
  }
  return false;
}

bool error_is(const GError *error, SlipwayErrorKind kind) {
  return g_error_matches(error, SLIPWAY_ERROR, (int)kind);
}
