/* ComposeProject as JSON for the history's snapshots; the bytes of files are kept apart, by their sha256. */
#include <string.h>

#include "environments/compose/project.h"
#include "environments/compose/tree.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/poison.h"
#include "support/text.h"

static cJSON *strings_to_json(GPtrArray *strings) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < strings->len; i++)
    cJSON_AddItemToArray(array, cJSON_CreateString(strings->pdata[i]));
  return array;
}

static cJSON *files_to_json(GPtrArray *files, ComposePutBlob put, void *data) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < files->len; i++) {
    const ProjectFile *file = files->pdata[i];
    cJSON *item = cJSON_CreateObject();
    json_set_string(item, "path", file->path);
    json_set_integer(item, "mode", file->mode);
    if (file->bytes != NULL) { /* without: an empty folder */
      gsize length = 0;
      const void *bytes = g_bytes_get_data(file->bytes, &length);
      g_autofree char *sha256 = sha256_hex(bytes, length);
      json_set_string(item, "sha256", sha256);
      put(sha256, file->bytes, data);
    }
    cJSON_AddItemToArray(array, item);
  }
  return array;
}

static cJSON *tree_to_json(const FileTree *tree, ComposePutBlob put, void *data) {
  cJSON *item = cJSON_CreateObject();
  json_set_string(item, "hash", tree->hash);
  json_set_string(item, "source", tree->source);
  json_set_boolean(item, "is_folder", tree->is_folder);
  json_set(item, "entries", files_to_json(tree->entries, put, data));
  return item;
}

static cJSON *mount_to_json(const ComposeMount *mount) {
  cJSON *item = cJSON_CreateObject();
  json_set_string(item, "service", mount->service);
  json_set_string(item, "target", mount->target);
  json_set_string(item, "hash", mount->hash);
  if (mount->options != NULL)
    json_set(item, "options", cJSON_Duplicate(mount->options, true));
  return item;
}

static cJSON *object_to_json(const ComposeObject *object) {
  cJSON *item = cJSON_CreateObject();
  json_set_string(item, "section", object->section);
  json_set_string(item, "name", object->name);
  json_set_string(item, "hash", object->hash);
  json_set(item, "services", strings_to_json(object->services));
  return item;
}

static cJSON *service_to_json(const ComposeService *service) {
  cJSON *item = cJSON_CreateObject();
  json_set_string(item, "name", service->name);
  json_set_string(item, "image", service->image);
  json_set_boolean(item, "has_build", service->has_build);
  if (service->profiles->len > 0)
    json_set(item, "profiles", strings_to_json(service->profiles));
  return item;
}

static cJSON *variable_to_json(const NamedValue *variable) {
  cJSON *item = cJSON_CreateObject();
  json_set_string(item, "name", variable->name);
  json_set_string(item, "value", variable->value);
  return item;
}

/* An empty array at `key`, which `json` owns. */
static cJSON *add_array(cJSON *json, const char *key) {
  return cJSON_AddArrayToObject(json, key);
}

/* What a project does not have leaves no trace: the text is compared with that of older snapshots. */
cJSON *compose_project_to_json(const ComposeProject *project, ComposePutBlob put, void *data) {
  cJSON *json = cJSON_CreateObject();
  json_set(json, "compose", strings_to_json(project->compose));
  json_set(json, "files", files_to_json(project->files, put, data));
  cJSON *trees = add_array(json, "trees"), *mounts = add_array(json, "mounts"),
        *objects = add_array(json, "objects");
  cJSON *services = add_array(json, "services"), *variables = add_array(json, "variables");
  if (project->has_include)
    json_set_boolean(json, "has_include", true);
  for (guint i = 0; i < project->trees->len; i++)
    cJSON_AddItemToArray(trees, tree_to_json(project->trees->pdata[i], put, data));
  for (guint i = 0; i < project->mounts->len; i++)
    cJSON_AddItemToArray(mounts, mount_to_json(project->mounts->pdata[i]));
  for (guint i = 0; i < project->objects->len; i++)
    cJSON_AddItemToArray(objects, object_to_json(project->objects->pdata[i]));
  for (guint i = 0; i < project->services->len; i++)
    cJSON_AddItemToArray(services, service_to_json(project->services->pdata[i]));
  for (guint i = 0; i < project->variables->len; i++)
    cJSON_AddItemToArray(variables, variable_to_json(project->variables->pdata[i]));
  return json;
}

/* Reading back. Every helper returns false with an error that names what is missing. */

static bool fail_snapshot(const char *what, GError **error) {
  return fail(error, SLIPWAY_ERROR_STORE, "the configuration snapshot is damaged: %s", what);
}

static bool take_string(const cJSON *json, const char *key, char **text, GError **error) {
  const char *value = json_string(json, key);
  if (value == NULL)
    return fail_snapshot(key, error);
  *text = g_strdup(value);
  return true;
}

static bool take_strings(const cJSON *json, const char *key, GPtrArray *strings, GError **error) {
  const cJSON *array = json_array(json, key), *item = NULL;
  if (array == NULL)
    return fail_snapshot(key, error);
  cJSON_ArrayForEach(item, array) {
    if (!cJSON_IsString(item))
      return fail_snapshot(key, error);
    g_ptr_array_add(strings, g_strdup(item->valuestring));
  }
  return true;
}

/* These paths become paths of an archive that a host unpacks. */
static bool is_safe_path(const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);
  return *path != '/' && !g_strv_contains((const char *const *)parts, "..");
}

typedef struct {
  ComposeGetBlob get;
  void *data;
} Blobs;

static bool file_from_json(const cJSON *json, const Blobs *blobs, GPtrArray *files, GError **error) {
  const char *path = json_string(json, "path"), *sha256 = json_string(json, "sha256");
  if (path == NULL || !is_safe_path(path))
    return fail_snapshot("a file's path", error);
  g_autoptr(GBytes) bytes = sha256 == NULL ? NULL : blobs->get(sha256, blobs->data);
  if (sha256 != NULL && bytes == NULL)
    return fail(error, SLIPWAY_ERROR_STORE,
                "the configuration snapshot is damaged: the content of \"%s\" (%s) is missing", path, sha256);
  g_ptr_array_add(files, project_file_new(path, (guint)json_integer(json, "mode", 0), bytes));
  return true;
}

static bool files_from_json(const cJSON *json, const char *key, const Blobs *blobs, GPtrArray *files,
                            GError **error) {
  const cJSON *array = json_array(json, key), *item = NULL;
  if (array == NULL)
    return fail_snapshot(key, error);
  cJSON_ArrayForEach(item, array) {
    if (!file_from_json(item, blobs, files, error))
      return false;
  }
  return true;
}

static bool tree_from_json(const cJSON *json, const Blobs *blobs, ComposeProject *project, GError **error) {
  g_autoptr(FileTree) tree = g_new0(FileTree, 1);
  tree->entries = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  tree->is_folder = json_boolean(json, "is_folder", false);
  if (!take_string(json, "hash", &tree->hash, error) || !take_string(json, "source", &tree->source, error) ||
      !files_from_json(json, "entries", blobs, tree->entries, error))
    return false;
  g_autofree char *hash = file_tree_hash(tree->is_folder, tree->entries);
  if (!g_str_equal(hash, tree->hash))
    return fail(error, SLIPWAY_ERROR_STORE,
                "the configuration snapshot is damaged: \"%s\" is not what was recorded", tree->source);
  g_ptr_array_add(project->trees, g_steal_pointer(&tree));
  return true;
}

static bool mount_from_json(const cJSON *json, const Blobs *blobs, ComposeProject *project, GError **error) {
  (void)blobs;
  ComposeMount *mount = g_new0(ComposeMount, 1);
  g_ptr_array_add(project->mounts, mount);
  const cJSON *options = json_object(json, "options");
  mount->options = options == NULL ? NULL : cJSON_Duplicate(options, true);
  return take_string(json, "service", &mount->service, error) &&
         take_string(json, "target", &mount->target, error) && take_string(json, "hash", &mount->hash, error);
}

/* None where a secret is the content. */
static bool take_object_hash(const cJSON *json, ComposeObject *object, GError **error) {
  return cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "hash")) ||
         take_string(json, "hash", &object->hash, error);
}

static bool object_from_json(const cJSON *json, const Blobs *blobs, ComposeProject *project, GError **error) {
  (void)blobs;
  ComposeObject *object = g_new0(ComposeObject, 1);
  g_ptr_array_add(project->objects, object);
  object->services = g_ptr_array_new_with_free_func(g_free);
  return take_string(json, "section", &object->section, error) &&
         take_string(json, "name", &object->name, error) && take_object_hash(json, object, error) &&
         take_strings(json, "services", object->services, error);
}

static bool service_from_json(const cJSON *json, const Blobs *blobs, ComposeProject *project,
                              GError **error) {
  (void)blobs;
  ComposeService *service = g_new0(ComposeService, 1);
  g_ptr_array_add(project->services, service);
  service->has_build = json_boolean(json, "has_build", false);
  service->profiles = g_ptr_array_new_with_free_func(g_free);
  return take_string(json, "name", &service->name, error) &&
         take_string(json, "image", &service->image, error) &&
         (json_array(json, "profiles") == NULL || take_strings(json, "profiles", service->profiles, error));
}

static bool variable_from_json(const cJSON *json, const Blobs *blobs, ComposeProject *project,
                               GError **error) {
  (void)blobs;
  NamedValue *variable = g_new0(NamedValue, 1);
  g_ptr_array_add(project->variables, variable);
  return take_string(json, "name", &variable->name, error) &&
         take_string(json, "value", &variable->value, error);
}

static const struct {
  const char *key;
  bool (*read)(const cJSON *json, const Blobs *blobs, ComposeProject *project, GError **error);
} parts[] = {
    {"trees", tree_from_json},       {"mounts", mount_from_json},       {"objects", object_from_json},
    {"services", service_from_json}, {"variables", variable_from_json},
};

bool compose_project_from_json(const cJSON *json, ComposeGetBlob get, void *data, ComposeProject **project,
                               GError **error) {
  const Blobs blobs = {.get = get, .data = data};
  g_autoptr(ComposeProject) result = compose_project_new();
  if (!take_strings(json, "compose", result->compose, error) ||
      !files_from_json(json, "files", &blobs, result->files, error))
    return false;
  for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
    const cJSON *array = json_array(json, parts[i].key), *item = NULL;
    if (array == NULL)
      return fail_snapshot(parts[i].key, error);
    cJSON_ArrayForEach(item, array) {
      if (!parts[i].read(item, &blobs, result, error))
        return false;
    }
  }
  result->has_include = json_boolean(json, "has_include", false);
  *project = g_steal_pointer(&result);
  return true;
}
