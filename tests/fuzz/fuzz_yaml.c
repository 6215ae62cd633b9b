/* Any bytes: support/yaml parses or refuses them, and a tree that it gives can be walked and quoted. */
#include <stdint.h>
#include <string.h>

#include "support/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const YamlNode *node) {
  if (node->kind == YAML_SCALAR) {
    g_autofree char *quoted = yaml_quote(node->text);
    g_autoptr(YamlDocument) again = NULL;
    bool parses = yaml_parse("quoted", quoted, strlen(quoted), &again, NULL);
    /* Quoting may make a text longer than the parser's cap. */
    g_assert(strlen(quoted) > 1 << 20 || (parses && g_str_equal(again->root->text, node->text)));
    return;
  }
  for (guint i = 0; i < node->items->len; i++)
    walk(node->items->pdata[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(YamlDocument) document = NULL;
  g_autoptr(GError) error = NULL;
  if (!yaml_parse("fuzz", (const char *)data, size, &document, &error))
    g_assert(g_str_has_prefix(error->message, "fuzz:"));
  else if (document->root != NULL)
    walk(document->root);
  return 0;
}
