/* What a host keeps of a deployment, so that it can be explained without the history: manifest.json and
 * journal.jsonl (design §5). */
#include <string.h>

#include "deployer/rollout/phases.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

static void describe_release(cJSON *json, const Release *release) {
  cJSON *object = cJSON_CreateObject();
  json_set_string(object, "uid", release->uid);
  json_set_string(object, "version", release->version);
  json_set_string(object, "revision", release->revision);
  cJSON *images = cJSON_CreateObject();
  for (guint i = 0; i < release->images->len; i++) {
    const ReleaseImage *image = g_ptr_array_index(release->images, i);
    json_set_string(images, image->name, image->reference);
  }
  json_set(object, "images", images);
  json_set(json, "release", object);
}

static cJSON *describe_deployment(const Rollout *rollout) {
  const Deployment *deployment = rollout->deployment;
  cJSON *json = cJSON_CreateObject();
  g_autofree char *started = time_format(deployment->started_at);
  json_set_string(json, "deployment", deployment->uid);
  json_set_string(json, "app", rollout->request->config->app);
  json_set_string(json, "environment", deployment->environment);
  json_set_string(json, "kind", deployment_kind_name(deployment->kind));
  json_set_string(json, "actor", deployment->actor);
  json_set_string(json, "started_at", started);
  return json;
}

static GHashTable *file_hashes(const ComposeProject *project) {
  GHashTable *hashes = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < project->trees->len; i++)
    g_hash_table_add(hashes, ((const FileTree *)g_ptr_array_index(project->trees, i))->hash);
  return hashes;
}

char *manifest_json(const Rollout *rollout) {
  g_autoptr(cJSON) json = describe_deployment(rollout);
  g_autofree char *images = target_images_json(rollout->target);
  describe_release(json, rollout->target->release);
  json_set(json, "images", cJSON_Parse(images));
  cJSON *files = cJSON_CreateArray();
  g_autoptr(GHashTable) hashes = file_hashes(rollout->target->project);
  g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(hashes), (GCompareFunc)strcmp);
  for (const GList *hash = sorted; hash != NULL; hash = hash->next)
    cJSON_AddItemToArray(files, cJSON_CreateString(hash->data));
  json_set(json, "files", files);
  return json_print_canonical(json);
}

char *journal_line(const Rollout *rollout, const char *outcome) {
  g_autoptr(cJSON) json = describe_deployment(rollout);
  g_autofree char *now = time_format(g_get_real_time());
  json_set_string(json, "outcome", outcome);
  json_set_string(json, "at", now);
  describe_release(json, rollout->target->release);
  g_autofree char *text = json_print(json);
  return g_strconcat(text, "\n", NULL);
}

static void add_text(GPtrArray *files, const char *path, guint mode, const char *text) {
  g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
  g_ptr_array_add(files, project_file_new(path, mode, bytes));
}

GPtrArray *release_generated_files(const Rollout *rollout, const char *folder) {
  const Target *target = rollout->target;
  g_autofree char *override = compose_override(target->project, target->pinned, folder);
  g_autofree char *variables = compose_env_file(target->project->variables, target->builtins);
  g_autofree char *manifest = manifest_json(rollout);
  GPtrArray *files = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  add_text(files, "images.yml", 0644, override);
  add_text(files, "env", 0600, variables);
  add_text(files, "manifest.json", 0644, manifest);
  return files;
}
