/* Any bytes: environments/config parses or refuses them, and what it prints of a configuration it reads back
 * to the same. */
#include <stdint.h>
#include <string.h>

#include "environments/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(Config) config = NULL, again = NULL;
  g_autoptr(GError) error = NULL;
  if (!config_parse("fuzz", "/srv", (const char *)data, size, &config, &error)) {
    g_assert(g_str_has_prefix(error->message, "fuzz:"));
    return 0;
  }
  g_autofree char *yaml = config_to_yaml(config, NULL);
  bool parses = config_parse("fuzz", "/srv", yaml, strlen(yaml), &again, &error);
  /* Folding the defaults in may make the text longer than the parser's caps. */
  g_assert(parses || strlen(yaml) > 1 << 19);
  g_autofree char *yaml_again = parses ? config_to_yaml(again, NULL) : NULL;
  g_assert(!parses || g_str_equal(yaml, yaml_again));
  return 0;
}
