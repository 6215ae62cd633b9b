/* image_reference_parse on any text; what it accepts, pinned, is a reference to the same repository. */
#include <stdint.h>
#include <stdlib.h>

#include "environments/compose/image_reference.h"

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup((const char *)data, size);
  g_auto(ImageReference) reference = {0};
  g_autoptr(GError) error = NULL;
  if (!image_reference_parse(text, &reference, &error)) {
    if (error == NULL)
      abort();
    return 0;
  }
  g_autofree char *pinned = image_pinned(&reference, DIGEST);
  if (!image_same_repository(text, pinned))
    abort();
  return 0;
}
