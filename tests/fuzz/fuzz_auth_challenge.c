/* Any bytes as a WWW-Authenticate header. */
#include <glib.h>
#include <stdint.h>

#include "pipelines/registry_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *header = g_strndup((const char *)data, size);
  g_auto(AuthChallenge) challenge = {0};
  g_autoptr(GError) error = NULL;
  bool is_read = auth_challenge_parse(header, &challenge, &error);
  g_assert(is_read == (error == NULL));
  g_assert(!is_read || !challenge.offers_bearer || challenge.realm != NULL);
  return 0;
}
