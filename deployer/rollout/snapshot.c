/* Configuration snapshots: written when a deployment is prepared, read for rollback and comparison. */
#include "deployer/rollout/snapshot.h"

#include <string.h>

#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum { SNAPSHOT_FORMAT = 1 };

typedef struct {
  History *history;
  GError *error; /* the first one */
} BlobStore;

static void put_blob(const char *sha256, GBytes *bytes, void *data) {
  BlobStore *store = data;
  if (store->error == NULL && !history_put_blob(store->history, sha256, bytes, &store->error))
    return;
}

static GBytes *get_blob(const char *sha256, void *data) {
  BlobStore *store = data;
  GBytes *bytes = NULL;
  if (store->error != NULL || !history_get_blob(store->history, sha256, &bytes, &store->error))
    return NULL;
  return bytes;
}

static bool put_text(History *history, const char *text, char **sha256, GError **error) {
  g_autofree char *hash = sha256_hex(text, strlen(text));
  g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
  if (!history_put_blob(history, hash, bytes, error))
    return false;
  *sha256 = g_steal_pointer(&hash);
  return true;
}

bool snapshot_write(History *history, const RolloutRequest *request, const Target *target, char **snapshot,
                    char **content, GError **error) {
  BlobStore store = {.history = history};
  g_autofree char *images = target_images_json(target);
  g_autoptr(cJSON) json = cJSON_CreateObject();
  json_set(json, "images", cJSON_Parse(images));
  json_set(json, "project", compose_project_to_json(target->project, put_blob, &store));
  if (store.error != NULL) {
    g_propagate_error(error, store.error);
    return false;
  }
  g_autofree char *compared = json_print_canonical(json);
  g_autofree char *settings = config_to_yaml(target->recorded != NULL ? target->recorded : request->config,
                                             request->environment->name);
  json_set_integer(json, "format", SNAPSHOT_FORMAT);
  json_set_string(json, "settings", settings);
  g_autofree char *text = json_print_canonical(json);
  if (!put_text(history, text, snapshot, error))
    return false;
  *content = sha256_hex(compared, strlen(compared));
  return true;
}

static bool load_json(History *history, const Deployment *deployment, cJSON **json, GError **error) {
  g_autoptr(GBytes) bytes = NULL;
  if (deployment->snapshot == NULL)
    return fail(error, SLIPWAY_ERROR_STORE, "it has no configuration snapshot");
  if (!history_get_blob(history, deployment->snapshot, &bytes, error))
    return false;
  if (bytes == NULL)
    return fail(error, SLIPWAY_ERROR_STORE, "its configuration snapshot %s is missing", deployment->snapshot);
  gsize length = 0;
  const char *text = g_bytes_get_data(bytes, &length);
  if (!json_parse(text, length, "the configuration snapshot", json, error))
    return recast(error, SLIPWAY_ERROR_STORE);
  if (json_integer(*json, "format", 0) != SNAPSHOT_FORMAT)
    return fail(error, SLIPWAY_ERROR_STORE,
                "its configuration snapshot has a format this slipway does not know");
  return true;
}

static GHashTable *read_images(const cJSON *images) {
  GHashTable *pinned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (const cJSON *image = images != NULL ? images->child : NULL; image != NULL; image = image->next)
    if (cJSON_IsString(image))
      g_hash_table_insert(pinned, g_strdup(image->string), g_strdup(image->valuestring));
  return pinned;
}

bool snapshot_read(History *history, const Deployment *deployment, ComposeProject **project,
                   GHashTable **pinned, Config **recorded, GError **error) {
  g_autoptr(cJSON) json = NULL;
  if (!load_json(history, deployment, &json, error))
    return false;
  const char *settings = json_string(json, "settings");
  g_autoptr(Config) config = NULL;
  if (settings == NULL || !config_parse("snapshot", "/", settings, strlen(settings), &config, error))
    return settings == NULL ? fail(error, SLIPWAY_ERROR_STORE, "its configuration snapshot has no settings")
                            : recast(error, SLIPWAY_ERROR_STORE);
  BlobStore store = {.history = history};
  if (!compose_project_from_json(json_object(json, "project"), get_blob, &store, project, error)) {
    g_clear_error(&store.error);
    return recast(error, SLIPWAY_ERROR_STORE);
  }
  *pinned = read_images(json_object(json, "images"));
  *recorded = g_steal_pointer(&config);
  return true;
}
