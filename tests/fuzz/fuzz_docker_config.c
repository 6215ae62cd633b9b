/* Any bytes as a docker config.json: found, not found or refused, and nothing leaks. */
#include <glib.h>
#include <stdint.h>

#include "pipelines/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const registries[] = {"docker.io", "r.io", "127.0.0.1:5000"};
  for (guint i = 0; i < G_N_ELEMENTS(registries); i++) {
    g_autoptr(RegistryCredentials) credentials = NULL;
    g_autofree char *helper = NULL;
    g_autoptr(GError) error = NULL;
    bool is_read =
        registry_credentials_parse((const char *)data, size, registries[i], &credentials, &helper, &error);
    g_assert(is_read == (error == NULL));
    g_assert(is_read || (credentials == NULL && helper == NULL));
  }
  return 0;
}
