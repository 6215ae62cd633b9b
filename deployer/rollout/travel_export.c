/* What vouches for a release, as one JSON document. */
#include <string.h>

#include "deployer/output/deployment_json.h"
#include "deployer/output/release_json.h"
#include "deployer/output/words.h"
#include "deployer/rollout/snapshot.h"
#include "deployer/rollout/travel.h"
#include "pipelines/state.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum {
  BLOBS_CAP = TRAVEL_FILE_CAP / 4 * 3 - (1 << 20)
}; /* base64 makes 4 of 3, and the rest needs room too */

typedef struct {
  const RolloutRequest *request;
  const Release *release;
  cJSON *deployments, *blobs; /* borrowed from the document */
  gsize size;                 /* of all blobs */
} Export;

char *travel_checksum(const cJSON *document) {
  g_autoptr(cJSON) rest = cJSON_CreateObject();
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, document) {
    if (strcmp(item->string, "sha256") != 0)
      cJSON_AddItemReferenceToObject(rest, item->string, (cJSON *)item);
  }
  g_autofree char *text = json_print_canonical(rest);
  return sha256_hex(text, strlen(text));
}

/* ---- snapshots ---- */

/* *size: of what the document does not have yet; *is_whole: all of it is in the history. */
static bool weigh(const Export *export, const GPtrArray *hashes, gsize *size, bool *is_whole,
                  GError **error) {
  *size = 0;
  *is_whole = true;
  for (guint i = 0; i < hashes->len; i++) {
    const char *sha256 = hashes->pdata[i];
    g_autoptr(GBytes) bytes = NULL;
    if (!history_get_blob(export->request->history, sha256, &bytes, error))
      return false;
    *is_whole = *is_whole && bytes != NULL;
    if (bytes != NULL && json_string(export->blobs, sha256) == NULL)
      *size += g_bytes_get_size(bytes);
  }
  return true;
}

static bool add_blobs(Export *export, const GPtrArray *hashes, GError **error) {
  for (guint i = 0; i < hashes->len; i++) {
    const char *sha256 = hashes->pdata[i];
    g_autoptr(GBytes) bytes = NULL;
    gsize length = 0;
    if (json_string(export->blobs, sha256) != NULL)
      continue;
    if (!history_get_blob(export->request->history, sha256, &bytes, error))
      return false;
    const guchar *content = g_bytes_get_data(bytes, &length);
    g_autofree char *text = g_base64_encode(content, length);
    json_set_string(export->blobs, sha256, text);
  }
  return true;
}

/* The snapshot and its files. *problem: why it cannot be told. */
static bool add_snapshot(Export *export, const Deployment *deployment, char **problem, GError **error) {
  g_autoptr(GBytes) text = NULL;
  g_autoptr(GPtrArray) files = NULL;
  g_autoptr(GPtrArray) hashes = g_ptr_array_new();
  g_autoptr(GError) damage = NULL;
  g_autofree char *content = NULL;
  gsize size = 0;
  bool is_whole = false;
  if (!history_get_blob(export->request->history, deployment->snapshot, &text, error))
    return false;
  if (text == NULL || !snapshot_list_files(text, deployment->uid, &files, &content, &damage)) {
    *problem = g_strdup(damage != NULL ? damage->message : "it is missing");
    return true;
  }
  g_ptr_array_add(hashes, deployment->snapshot);
  for (guint i = 0; i < files->len; i++)
    g_ptr_array_add(hashes, ((SnapshotFile *)files->pdata[i])->sha256);
  if (!weigh(export, hashes, &size, &is_whole, error))
    return false;
  if (!is_whole || export->size + size > BLOBS_CAP) {
    *problem = g_strdup(is_whole ? "its files are larger than an export may be" : "a file of it is missing");
    return true;
  }
  export->size += size;
  return add_blobs(export, hashes, error);
}

/* ---- deployments ---- */

static bool add_deployment(Export *export, const Deployment *deployment, GError **error) {
  g_autofree char *problem = NULL;
  if (deployment->snapshot != NULL && !add_snapshot(export, deployment, &problem, error))
    return false;
  if (problem != NULL)
    reporter_warn(export->request->reporter,
                  "the configuration of d%" G_GINT64_FORMAT
                  " stays here (%s): it is told that it verified the "
                  "release, but not what a rollback to it would need",
                  deployment->id, problem);
  cJSON *json = deployment_json(deployment, NULL);
  json_set_boolean(json, "touched", deployment->touched);
  json_set_string(json, "snapshot", problem == NULL ? deployment->snapshot : NULL);
  cJSON_AddItemToArray(export->deployments, json);
  return true;
}

static bool add_environment(Export *export, const char *environment, GError **error) {
  g_autoptr(GPtrArray) deployments = NULL;
  if (!history_list_deployments(export->request->history, environment, 0, &deployments, error))
    return false;
  g_autoptr(EnvironmentState) state = environment_state_new(environment, deployments);
  const Deployment *by = environment_verified_by(state, export->release->id);
  return by == NULL || add_deployment(export, by, error);
}

static int compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_environments(Export *export, GError **error) {
  g_autoptr(GPtrArray) all = NULL;
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  if (!history_list_deployments(export->request->history, NULL, 0, &all, error))
    return false;
  for (guint i = 0; i < all->len; i++) {
    char *name = ((Deployment *)all->pdata[i])->environment;
    if (g_hash_table_add(seen, name))
      g_ptr_array_add(names, name);
  }
  g_ptr_array_sort(names, compare_names);
  for (guint i = 0; i < names->len; i++)
    if (!add_environment(export, names->pdata[i], error))
      return false;
  return true;
}

/* ---- the rest ---- */

static bool add_pins(const Export *export, cJSON *document, GError **error) {
  g_autoptr(GHashTable) pins = NULL;
  if (!history_get_pins(export->request->history, export->release->id, &pins, error))
    return false;
  cJSON *json = cJSON_AddObjectToObject(document, "pins");
  GHashTableIter iterator;
  gpointer image = NULL, reference = NULL;
  g_hash_table_iter_init(&iterator, pins);
  while (g_hash_table_iter_next(&iterator, &image, &reference))
    json_set_string(json, image, reference);
  return true;
}

static bool add_approvals(const Export *export, cJSON *document, GError **error) {
  g_autoptr(GPtrArray) approvals = NULL;
  if (!history_list_approvals(export->request->history, NULL, export->release->id, &approvals, error))
    return false;
  cJSON *list = cJSON_AddArrayToObject(document, "approvals");
  for (guint i = 0; i < approvals->len; i++)
    cJSON_AddItemToArray(list, approval_json(approvals->pdata[i]));
  return true;
}

bool travel_export(const RolloutRequest *request, const Release *release, cJSON **document, GError **error) {
  g_autoptr(cJSON) json = cJSON_CreateObject();
  g_autofree char *name = release_word(release->id);
  json_set_integer(json, "slipway_export", TRAVEL_FORMAT);
  json_set_string(json, "app", request->config->app);
  json_set_string(json, "name", name);
  json_set(json, "release", release_json(release));
  Export export = {.request = request,
                   .release = release,
                   .deployments = cJSON_AddArrayToObject(json, "deployments"),
                   .blobs = cJSON_AddObjectToObject(json, "blobs")};
  if (!add_pins(&export, json, error) || !add_environments(&export, error) ||
      !add_approvals(&export, json, error))
    return false;
  g_autofree char *checksum = travel_checksum(json);
  json_set_string(json, "sha256", checksum);
  *document = g_steal_pointer(&json);
  return true;
}
