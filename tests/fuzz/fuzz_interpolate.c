/* Interpolation, Compose's and ours, of any text: ends, and gives either a text or an error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "environments/config/interpolate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *look_up(const char *name, void *unused) {
  (void)unused;
  return strlen(name) % 3 == 0 ? NULL : strlen(name) % 3 == 1 ? "" : "value";
}

static bool find(const char *name, bool must_be_set, void *unused, const char **value, GError **error) {
  *value = look_up(name, unused);
  if (*value == NULL && must_be_set)
    g_set_error_literal(error, g_quark_from_static_string("fuzz"), 0, name);
  return *value != NULL || !must_be_set;
}

static bool is_known(const char *name, void *unused) {
  return look_up(name, unused) != NULL;
}

static void follow_references(const char *text) {
  static const References references = {.find = find, .is_known = is_known};
  g_autofree char *result = NULL;
  g_autoptr(GError) error = NULL;
  bool is_done = interpolate_references(text, &references, &result, &error);
  if (is_done != (result != NULL) || is_done != (error == NULL))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup((const char *)data, size);
  g_autofree char *result = NULL;
  g_autoptr(GError) error = NULL;
  follow_references(text);
  bool is_done = interpolate(text, look_up, NULL, &result, &error);
  if (is_done != (result != NULL) || is_done != (error == NULL))
    abort();
  return 0;
}
