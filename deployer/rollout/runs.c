/* Comparing containers with what Compose would make of a release folder. */
#include "deployer/rollout/runs.h"

#include "support/errors.h"

#include "support/poison.h"

enum { HASH_TIMEOUT_MS = 120000 };

GHashTable *compose_hashes(const char *text) {
  GHashTable *hashes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_auto(GStrv) words = g_strsplit_set(g_strstrip(*line), " \t", 2);
    if (g_strv_length(words) == 2)
      g_hash_table_insert(hashes, g_strdup(words[0]), g_strdup(g_strstrip(words[1])));
  }
  return hashes;
}

/* Each container belongs to a service of the release, with its hash. *services: those that have one. */
static bool containers_match(GHashTable *hashes, const GPtrArray *containers, guint *services) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < containers->len; i++) {
    const EngineContainer *container = g_ptr_array_index(containers, i);
    if (g_strcmp0(g_hash_table_lookup(hashes, container->service), container->config_hash) != 0)
      return false;
    g_hash_table_add(seen, container->service);
  }
  *services = g_hash_table_size(seen);
  return true;
}

bool worker_runs_release(Worker *worker, const char *uid, bool *runs, GError **error) {
  g_auto(HostReply) reply = {0};
  g_autoptr(GPtrArray) containers = NULL;
  guint services = 0;
  *runs = false;
  if (!g_hash_table_contains(worker->facts->releases, uid))
    return true;
  if (!worker_compose(worker, worker->facts->folder, uid, "hash", HASH_TIMEOUT_MS, &reply, error) ||
      !engine_list_containers(worker->engine, worker->rollout->place, &containers, error))
    return false;
  if (reply.status != 0)
    return true;
  g_autoptr(GHashTable) hashes = compose_hashes(reply.out->str);
  *runs = containers_match(hashes, containers, &services) && services == g_hash_table_size(hashes);
  return true;
}
