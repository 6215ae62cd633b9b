/* interpolate on any text: ends, and gives either a text or an error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "environments/config/interpolate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *look_up(const char *name, void *unused) {
  (void)unused;
  return strlen(name) % 3 == 0 ? NULL : strlen(name) % 3 == 1 ? "" : "value";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup((const char *)data, size);
  g_autofree char *result = NULL;
  g_autoptr(GError) error = NULL;
  bool is_done = interpolate(text, look_up, NULL, &result, &error);
  if (is_done != (result != NULL) || is_done != (error == NULL))
    abort();
  return 0;
}
