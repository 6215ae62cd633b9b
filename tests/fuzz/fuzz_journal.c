/* Any bytes as the journals of two hosts (a NUL between them): entries are well formed, and each can be told.
 */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "deployer/rollout/retell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(const char *words, void *data) {
  (void)data;
  g_assert(g_utf8_validate(words, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *first = g_strndup((const char *)data, size);
  gsize used = MIN(strlen(first) + 1, size);
  g_autofree char *second = g_strndup((const char *)data + used, size - used);
  const Journal journals[] = {{.host = "web1", .text = first}, {.host = "web2", .text = second}};
  g_autoptr(GPtrArray) entries = journals_merge(journals, 2, "shop", "prod", ignore, NULL);
  g_autoptr(GPtrArray) witnesses = g_ptr_array_new_with_free_func((GDestroyNotify)witness_free);
  g_ptr_array_add(witnesses, witness_new("web1", "10.0.0.1", true));
  g_ptr_array_add(witnesses, witness_new("web2", NULL, false));
  for (guint i = 0; i < entries->len; i++) {
    const JournalEntry *entry = entries->pdata[i];
    g_assert(is_unique_id(entry->uid) && entry->hosts->len > 0);
    witnesses_advance(witnesses, entry);
    g_autoptr(Deployment) deployment =
        retell_deployment(entry, entry->line, retell_hosts(entry->line), witnesses, i + 1 == entries->len);
    g_autoptr(Release) release = retell_release(entry->line);
    g_assert(deployment->hosts->len > 0 && (release == NULL || release->images->len > 0));
  }
  return 0;
}
