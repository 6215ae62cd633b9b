/* Configuration snapshots: written when a deployment is prepared, read for rollback and comparison. */
#include "deployer/rollout/snapshot.h"

#include <string.h>

#include "deployer/rollout/secrets.h"
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

/* What the stack compares, so far without what else a rollback needs. Caller frees. */
static cJSON *comparable_json(const Target *target, ComposePutBlob put, void *data) {
  g_autofree char *images = target_images_json(target);
  cJSON *json = cJSON_CreateObject();
  json_set(json, "images", cJSON_Parse(images));
  json_set(json, "project", compose_project_to_json(target->project, put, data));
  return json;
}

/* No path depends on where slipway.yml was. Caller frees. */
static char *settings_text(const Config *source, const Environment *source_environment) {
  Config config = *source;
  Environment environment = *source_environment;
  g_autoptr(GPtrArray) environments = g_ptr_array_new();
  char root[] = "/";
  g_autoptr(GPtrArray) no_inventories = g_ptr_array_new();
  environment.inventories = no_inventories; /* its hosts are known */
  g_ptr_array_add(environments, &environment);
  config.environments = environments;
  config.directory = root;
  return config_to_yaml(&config, environment.name);
}

/* The settings as a rollback needs them on the day: of the recorded configuration where there is one, but the
 * hosts are those of this deployment. Caller frees. */
static char *write_settings(const RolloutRequest *request, const Target *target) {
  const Config *config = target->recorded != NULL ? target->recorded : request->config;
  const Environment *recorded = config_find_environment(config, request->environment->name);
  Environment environment = recorded != NULL ? *recorded : *request->environment;
  environment.hosts = request->environment->hosts;
  return settings_text(config, &environment);
}

static cJSON *set_json(const GPtrArray *set) {
  cJSON *json = cJSON_CreateObject();
  for (guint i = 0; i < set->len; i++) {
    const NamedValue *value = set->pdata[i];
    cJSON_DeleteItemFromObjectCaseSensitive(json, value->name);
    json_set_string(json, value->name, value->value);
  }
  return json;
}

char *snapshot_secret_hash(const Secret *value, GBytes *key) {
  enum { NAME_LENGTH = 8 };
  if (key == NULL)
    return NULL;
  g_autofree char *name = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, key);
  g_autofree char *hash = secret_keyed_hash(value, key);
  return g_strdup_printf("%.*s:%s", NAME_LENGTH, name, hash);
}

static cJSON *secrets_json(const Target *target) {
  cJSON *json = cJSON_CreateObject();
  for (guint i = 0; i < target->secrets->len; i++) {
    const TargetSecret *secret = g_ptr_array_index(target->secrets, i);
    json_set_string(json, secret->config.name, secret->hash);
  }
  return json;
}

static char *complete_text(cJSON *json, const RolloutRequest *request, const Target *target) {
  g_autofree char *settings = write_settings(request, target);
  json_set_integer(json, "format", SNAPSHOT_FORMAT);
  json_set_string(json, "settings", settings);
  if (target->secrets != NULL && target->secrets->len > 0)
    json_set(json, "secrets", secrets_json(target));
  if (request->set != NULL && request->set->len > 0)
    json_set(json, "set", set_json(request->set));
  return json_print_canonical(json);
}

static void put_nowhere(const char *sha256, GBytes *bytes, void *data) {
  (void)sha256;
  (void)bytes;
  (void)data;
}

char *snapshot_text(const RolloutRequest *request, const Target *target) {
  g_autoptr(cJSON) json = comparable_json(target, put_nowhere, NULL);
  return complete_text(json, request, target);
}

/* Of a snapshot's keys. */
static const char *const not_compared[] = {"format", "settings", "set", "secrets"};

static char *content_of(const cJSON *json) {
  g_autofree char *compared = json_print_canonical(json);
  return sha256_hex(compared, strlen(compared));
}

bool snapshot_write(History *history, const RolloutRequest *request, const Target *target, char **snapshot,
                    char **content, GError **error) {
  BlobStore store = {.history = history};
  g_autoptr(cJSON) json = comparable_json(target, put_blob, &store);
  if (store.error != NULL) {
    g_propagate_error(error, store.error);
    return false;
  }
  g_autofree char *compared = content_of(json);
  g_autofree char *text = complete_text(json, request, target);
  if (!put_text(history, text, snapshot, error))
    return false;
  *content = g_steal_pointer(&compared);
  return true;
}

static bool parse_snapshot(GBytes *bytes, cJSON **json, GError **error) {
  gsize length = 0;
  const char *text = g_bytes_get_data(bytes, &length);
  g_autoptr(cJSON) parsed = NULL;
  if (!json_parse(text, length, "the configuration snapshot", &parsed, error))
    return recast(error, SLIPWAY_ERROR_STORE);
  if (json_integer(parsed, "format", 0) != SNAPSHOT_FORMAT)
    return fail(error, SLIPWAY_ERROR_STORE,
                "its configuration snapshot has a format this slipway does not know");
  *json = g_steal_pointer(&parsed);
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
  return parse_snapshot(bytes, json, error);
}

bool snapshot_read_secrets(History *history, const Deployment *deployment, GHashTable **hashes,
                           GError **error) {
  g_autoptr(cJSON) json = NULL;
  if (deployment->snapshot != NULL && !load_json(history, deployment, &json, error))
    return false;
  GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  const cJSON *secret = NULL;
  cJSON_ArrayForEach(secret, json_object(json, "secrets")) {
    const char *hash = cJSON_GetStringValue(secret);
    g_hash_table_insert(found, g_strdup(secret->string), g_strdup(hash != NULL ? hash : ""));
  }
  *hashes = found;
  return true;
}

static void snapshot_file_free(SnapshotFile *file) {
  g_free(file->sha256);
  g_free(file->path);
  g_free(file);
}

/* `start` and the file's own path; a single mounted file has none. */
static void list_files(const cJSON *items, const char *start, GHashTable *seen, GPtrArray *files) {
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, items) {
    const char *path = json_string(item, "path"), *sha256 = json_string(item, "sha256");
    if (path == NULL || sha256 == NULL || !g_hash_table_add(seen, g_strdup(sha256)))
      continue;
    SnapshotFile *file = g_new0(SnapshotFile, 1);
    file->sha256 = g_strdup(sha256);
    file->path = g_strconcat(start, *path != '\0' ? "/" : "", path, NULL);
    g_ptr_array_add(files, file);
  }
}

bool snapshot_list_files(GBytes *text, const char *uid, GPtrArray **files, char **content, GError **error) {
  g_autoptr(cJSON) json = NULL;
  if (!parse_snapshot(text, &json, error))
    return false;
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)snapshot_file_free);
  const cJSON *project = json_object(json, "project"), *tree = NULL;
  g_autofree char *place = g_strdup_printf("releases/%s/project", uid);
  list_files(json_array(project, "files"), place, seen, found);
  cJSON_ArrayForEach(tree, json_array(project, "trees")) {
    const char *hash = json_string(tree, "hash");
    g_autofree char *start = g_strconcat("files/", hash, NULL);
    if (hash != NULL)
      list_files(json_array(tree, "entries"), start, seen, found);
  }
  for (gsize i = 0; i < G_N_ELEMENTS(not_compared); i++)
    cJSON_DeleteItemFromObjectCaseSensitive(json, not_compared[i]);
  *content = content_of(json);
  *files = found;
  return true;
}

/* An object's texts by their names. */
static GHashTable *read_texts(const cJSON *object) {
  GHashTable *texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (const cJSON *text = object != NULL ? object->child : NULL; text != NULL; text = text->next)
    if (cJSON_IsString(text))
      g_hash_table_insert(texts, g_strdup(text->string), g_strdup(text->valuestring));
  return texts;
}

static bool read_settings(const cJSON *json, Config **settings, GError **error) {
  const char *text = json_string(json, "settings");
  if (text == NULL)
    return fail(error, SLIPWAY_ERROR_STORE, "its configuration snapshot has no settings");
  return config_parse("snapshot", "/", text, strlen(text), settings, error) ||
         recast(error, SLIPWAY_ERROR_STORE);
}

bool snapshot_read_settings(History *history, const Deployment *deployment, Config **settings,
                            GError **error) {
  g_autoptr(cJSON) json = NULL;
  return load_json(history, deployment, &json, error) && read_settings(json, settings, error);
}

bool snapshot_read_set(History *history, const Deployment *deployment, GHashTable **set, GError **error) {
  g_autoptr(cJSON) json = NULL;
  if (!load_json(history, deployment, &json, error))
    return false;
  *set = read_texts(json_object(json, "set"));
  return true;
}

bool snapshot_adopt(const RolloutRequest *request, GBytes *text, char **snapshot, GError **error) {
  const char *name = request->environment->name;
  g_autoptr(cJSON) json = NULL;
  g_autoptr(Config) recorded = NULL;
  if (!parse_snapshot(text, &json, error) || !read_settings(json, &recorded, error))
    return false;
  const Environment *then = config_find_environment(recorded, name);
  Environment environment = *request->environment;
  if (then == NULL)
    return fail(error, SLIPWAY_ERROR_STORE, "its configuration snapshot has no settings of %s", name);
  environment.health = then->health;
  g_autofree char *settings = settings_text(request->config, &environment);
  cJSON_DeleteItemFromObjectCaseSensitive(json, "settings");
  json_set_string(json, "settings", settings);
  g_autofree char *adopted = json_print_canonical(json);
  return put_text(request->history, adopted, snapshot, error);
}

bool snapshot_read(History *history, const Deployment *deployment, ComposeProject **project,
                   GHashTable **pinned, Config **recorded, GError **error) {
  g_autoptr(cJSON) json = NULL;
  g_autoptr(Config) config = NULL;
  if (!load_json(history, deployment, &json, error) || !read_settings(json, &config, error))
    return false;
  BlobStore store = {.history = history};
  if (!compose_project_from_json(json_object(json, "project"), get_blob, &store, project, error)) {
    g_clear_error(&store.error);
    return recast(error, SLIPWAY_ERROR_STORE);
  }
  *pinned = read_texts(json_object(json, "images"));
  *recorded = g_steal_pointer(&config);
  return true;
}
