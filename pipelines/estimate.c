/* Bytes to pull from what registry and host say of their layers. */
#include "pipelines/estimate.h"

#include <string.h>

#include "pipelines/registry.h"
#include "support/poison.h"

static guint shared_beginning(GPtrArray *layers, GPtrArray *chain) {
  guint length = 0;
  while (length < layers->len && length < chain->len) {
    const RegistryLayer *layer = layers->pdata[length];
    if (strcmp(layer->diff_id, chain->pdata[length]) != 0)
      break;
    length++;
  }
  return length;
}

/* The engine keeps layers by the whole chain below them, so only a beginning is there already. */
static guint layers_present(GPtrArray *layers, GPtrArray *chains) {
  guint longest = 0;
  for (guint i = 0; i < chains->len; i++)
    longest = MAX(longest, shared_beginning(layers, chains->pdata[i]));
  return longest;
}

gint64 estimate_pull(GPtrArray *images, GPtrArray *chains) {
  g_autoptr(GHashTable) counted = g_hash_table_new(g_str_hash, g_str_equal);
  gint64 bytes = 0;
  for (guint i = 0; i < images->len; i++) {
    const RegistryImage *image = images->pdata[i];
    for (guint l = layers_present(image->layers, chains); l < image->layers->len; l++) {
      const RegistryLayer *layer = image->layers->pdata[l];
      if (g_hash_table_add(counted, layer->digest) && layer->size <= G_MAXINT64 - bytes)
        bytes += layer->size;
    }
  }
  return bytes;
}
